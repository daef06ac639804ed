"""Shards that move between nodes: what Citus would move, the job that moves them in the background, and how far it is."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from chatschema import postgres, sqlfile
from chatschema.cluster import nodes
from chatschema.cluster.distribute import checks
from chatschema.cluster.nodes import Node
from chatschema.errors import CannotConnect, ChatschemaError
from chatschema.postgres import Connection, Say, locks

# Shards of one conversation move together: one move.
_PLAN = """
    select format('%s:%s', m.sourcename, m.sourceport), format('%s:%s', m.targetname, m.targetport),
        format('%s/%s', p.colocationid, s.shardminvalue)
    from get_rebalance_table_shards_plan() as m
    join pg_catalog.pg_dist_shard as s using (shardid)
    join pg_catalog.pg_dist_partition as p on p.logicalrelid = s.logicalrelid
    group by 1, 2, 3 order by 1, 2, 3
"""
_RUNNING = """
    select j.job_id from pg_catalog.pg_dist_background_job as j
    where j.job_type = 'rebalance' and j.state in ('scheduled', 'running', 'cancelling', 'failing') order by j.job_id desc limit 1
"""
_JOB = """
    select j.job_id, j.state::text, count(t.task_id), count(*) filter (where t.status = 'done'),
        coalesce(string_agg(distinct t.message, '; ') filter (where t.message <> '' and t.status <> 'done'), '')
    from pg_catalog.pg_dist_background_job as j
    left join pg_catalog.pg_dist_background_task as t on t.job_id = j.job_id
    where j.job_id = %s group by j.job_id, j.state
"""
_ENDED = ("finished", "cancelled", "failed")
_POLL_S, _LOOK_EVERY = 0.5, 10
STOP = "select citus_rebalance_stop()"


@dataclass(frozen=True, slots=True)
class Move:
    """One shard of each table and month that goes from one node to another; bytes with indexes."""

    source: str
    target: str
    shards: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Job:
    """A job of Citus that moves shards in the background: the number of its tasks, those done, and what the others complain of."""

    id: int
    state: str
    tasks: int
    done: int
    message: str


@dataclass(frozen=True, slots=True)
class Rebalanced:
    """What was moved, or would be, and the nodes before and after; `after` is empty where nothing was moved."""

    is_changed: bool
    is_resumed: bool
    moves: tuple[Move, ...]
    before: tuple[Node, ...]
    after: tuple[Node, ...]


def plan(connection: Connection) -> list[Move]:
    """Return the moves that would even out the bytes of the nodes; reads only. Raises CannotConnect and ServerError."""
    rows = postgres.fetch_all(connection, _PLAN)
    found = nodes.documents(connection, sqlfile.text_of("cluster/groups.sql")) if rows else {}
    groups = {place.name: one for place, one in found.items()}
    return [Move(source, target, *groups[source][group]) for source, target, group in rows]


def running(connection: Connection) -> Job | None:
    """Return the job that moves shards now, None without one."""
    rows = postgres.fetch_all(connection, _RUNNING)
    return _job(connection, rows[0][0]) if rows else None


def rehearse(connection: Connection) -> Rebalanced:
    """Return what rebalance() would do; reads only. Raises what it would raise at once."""
    before = _nodes(connection)
    job = running(connection)
    return Rebalanced(False, job is not None, tuple(plan(connection)) if job is None else (), before, ())


def start(connection: Connection, *, wait_s: float, say: Say) -> tuple[Rebalanced, Job | None]:
    """Start moving shards in the background, or find the job that a killed run had started; None where nothing is to move.

    Raises CannotConnect where a node does not answer, Busy while another chatschema command runs.
    """
    before = _nodes(connection)
    with locks.migration_lock(connection, wait_s=wait_s, say=say):
        job = running(connection)
        if job:
            return Rebalanced(True, True, (), before, ()), job
        moves = tuple(plan(connection))
        if not moves:
            return Rebalanced(False, False, (), before, ()), None
        # It names the moves again, and tells how to watch them: this does.
        postgres.execute(connection, "set client_min_messages = warning")
        number = postgres.fetch_one(connection, "select citus_rebalance_start()")[0]
        postgres.execute(connection, "reset client_min_messages")
        return Rebalanced(True, False, moves, before, ()), _job(connection, number)


def follow(connection: Connection, job: Job, *, say: Say) -> Iterator[Job]:
    """Yield the state of a job until it is over. The job goes on in the server if this ends, or is killed.

    Raises CannotConnect, naming the node, while a node does not answer, and ChatschemaError for a job that failed or was stopped.
    """
    told, polls = "", 0
    while job.state not in _ENDED:
        if job.message and job.message != told:
            told = job.message
            _refuse_lost(connection)
            say(f"a move is tried again: {job.message}")
        time.sleep(_POLL_S)
        polls += 1
        if polls % _LOOK_EVERY == 0:
            _refuse_lost(connection)
        job = _job(connection, job.id)
        yield job
    if job.state != "finished":
        reason = f": {job.message}" if job.message else ""
        raise ChatschemaError(
            f"job {job.id} ended as {job.state} after {job.done} of {job.tasks} tasks{reason}",
            "what was moved stays moved; run the command again for the rest: chatschema cluster rebalance",
            code="cluster.moves-ended",
        )


def ended(connection: Connection, begun: Rebalanced) -> Rebalanced:
    """Return the run with the nodes as they are after it."""
    return Rebalanced(begun.is_changed, begun.is_resumed, begun.moves, begun.before, _nodes(connection))


def _job(connection: Connection, number: int) -> Job:
    return Job(*postgres.fetch_one(connection, _JOB, (number,)))


def _nodes(connection: Connection) -> tuple[Node, ...]:
    checks.refuse_plain(connection)
    checks.refuse(list(checks.of_servers(connection)))
    return tuple(nodes.read(connection))


def _refuse_lost(connection: Connection) -> None:
    try:
        nodes.refuse_silent(nodes.ask(connection, "select 1"))
    except CannotConnect as error:
        raise CannotConnect(
            f"{error.message}; its moves wait, and Citus tries them again",
            f"start it, then watch the rest: chatschema cluster rebalance; or stop the job: {STOP}",
            code=error.code,
        ) from None
