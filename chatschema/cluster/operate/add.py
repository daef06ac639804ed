"""Another worker: what keeps it from being added, the steps that add it, and what is already done after a kill."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from chatschema import postgres, sqlfile
from chatschema.cluster import nodes
from chatschema.cluster.distribute import checks
from chatschema.cluster.nodes import Place
from chatschema.cluster.obstacles import Obstacle
from chatschema.cluster.verify import functions
from chatschema.errors import ServerError
from chatschema.postgres import Connection, Say, locks

# Of a server that is not in the metadata: no one asks for its group, and it has none yet.
_UNKNOWN = -1
_EXTENSIONS = """
    select e.extname from pg_catalog.pg_dist_object as o join pg_catalog.pg_extension as e on e.oid = o.objid
    where o.classid = 'pg_catalog.pg_extension'::regclass and e.extname not in ('citus', 'citus_columnar', 'plpgsql')
"""
_OWN = """
    select e.extversion, current_setting('server_version_num')::integer / 10000
    from pg_catalog.pg_extension as e where e.extname = 'citus'
"""
_LACKING = """
    select count(*) from pg_catalog.pg_dist_partition as p join pg_catalog.pg_dist_shard as s using (logicalrelid)
    where p.partmethod = 'n' and p.repmodel = 't' and not exists (
        select from pg_catalog.pg_dist_placement as l join pg_catalog.pg_dist_node as n using (groupid)
        where l.shardid = s.shardid and n.nodename = %s and n.nodeport = %s
    )
"""
_KNOWN = """
    select n.isactive and n.hasmetadata and n.metadatasynced from pg_catalog.pg_dist_node as n
    where n.nodename = %s and n.nodeport = %s and n.noderole = 'primary'
"""
_DENIED = "42501"


@dataclass(frozen=True, slots=True)
class Step:
    """A step that is to be done: what it does, and its statement."""

    title: str
    statement: str


@dataclass(frozen=True, slots=True)
class Added:
    """The worker, and the steps that were done, or in a dry run would be; none if it was there already."""

    node: str
    is_changed: bool
    steps: tuple[Step, ...]


def plan(connection: Connection, host: str, port: int) -> list[Step]:
    """Return the steps that are left to do; none if it is a worker already. Raises ChatschemaError for what stands in the way."""
    checks.refuse_plain(connection)
    others = [one for one in checks.of_servers(connection) if f"worker {host}:{port}" != one.object]
    checks.refuse(others)
    known = postgres.fetch_all(connection, _KNOWN, (host, port))
    if not known:
        checks.refuse(list(_of_worker(connection, Place(host, port, _UNKNOWN))))
    elif not known[0][0]:
        nodes.refuse_silent(nodes.ask(connection, "select 1", [Place(host, port, _UNKNOWN)]))
    return [*_steps(connection, host, port, is_active=bool(known and known[0][0]))]


def _steps(connection: Connection, host: str, port: int, *, is_active: bool) -> Iterator[Step]:
    literal = f"'{host}', {port}"
    if not is_active:
        title = "the worker, with roles, functions, tables and rights; new conversations go to it after a rebalance"
        yield Step(title, f"select citus_add_node({literal})")
    if postgres.fetch_one(connection, _LACKING, (host, port))[0]:
        yield Step("copies of the tables that every node has", "select replicate_reference_tables('auto')")


def add(connection: Connection, host: str, port: int, *, wait_s: float, say: Say) -> Added:
    """Add a worker. Each step commits by itself and is done once: run it again after a kill.

    Raises ChatschemaError for what stands in the way, Busy while another chatschema command runs.
    """
    with locks.migration_lock(connection, wait_s=wait_s, say=say):
        steps = plan(connection, host, port)
        for step in steps:
            say(step.title)
            try:
                postgres.execute_text(connection, step.statement)
            except ServerError as error:
                if error.sqlstate == _DENIED:
                    error.hint = "only a superuser adds a worker: run the command as one, or let the DBA run: " + step.statement
                raise
        return Added(f"{host}:{port}", bool(steps), (*steps, *_rights(connection, f"{host}:{port}")))


def _rights(connection: Connection, name: str) -> list[Step]:
    """Take away what Citus gives to PUBLIC on a new node, and give what it leaves out; return what was run."""
    found = nodes.documents(connection, sqlfile.text_of("cluster/verify/functions.sql"))
    statements = [text for one in functions.findings(found) if one.node == name for text in one.do]
    for text in statements:
        postgres.execute_text(connection, text)
    return [Step("rights to functions as on the coordinator", text) for text in statements]


def _of_worker(connection: Connection, place: Place) -> Iterator[Obstacle]:
    """Yield what is wrong with a server that is to become a worker."""
    name, database = f"worker {place.name}", connection.info.dbname
    (answer,) = nodes.ask(connection, sqlfile.text_of("cluster/worker.sql"), [place])
    if not answer.is_done:
        do = f"start it, and let the coordinator log in there; it needs: create database {database}; create extension citus"
        yield Obstacle("cluster.unreachable", name, f"the coordinator cannot use its database {database}: {answer.text}", do)
        return
    found = json.loads(answer.text)
    citus, major = postgres.fetch_one(connection, _OWN)
    if found["citus"] is None:
        do = "create extension citus; in this database of the worker"
        yield Obstacle("cluster.no-extension", name, "its database has no extension citus", do)
    elif found["citus"] != citus:
        do = f"install the version of the coordinator there, then: alter extension citus update to '{citus}'"
        yield Obstacle("cluster.version", name, f"it has Citus {found['citus']}, and the coordinator has {citus}", do)
    if found["major"] != major:
        do = f"use a server of PostgreSQL {major}"
        yield Obstacle("cluster.version", name, f"it is PostgreSQL {found['major']}, and the coordinator is {major}", do)
    for (extension,) in postgres.fetch_all(connection, _EXTENSIONS):
        if extension not in found["available"]:
            do = f"install the package of {extension} on its server"
            yield Obstacle("cluster.no-extension", name, f"its server does not offer the extension {extension}", do)
    if found["nodes"]:
        do = "use another server, or an empty database"
        yield Obstacle("cluster.worker-used", name, "it belongs to a cluster already", do)
    if found["tables"]:
        shown = ", ".join(found["tables"])
        do = f"use a server whose database {database} is empty, or move these tables away: nothing of them is looked at here"
        yield Obstacle("cluster.worker-used", name, f"its database is not empty: {shown}", do)
