"""Running reports on a server through a read-only session with short timeouts."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from chatschema import postgres
from chatschema.errors import ServerError, UsageError
from chatschema.postgres import Connection, Say
from chatschema.report import coverage, definition, files, run, standbys, verdict
from chatschema.report.definition import Definition
from chatschema.report.result import STATUSES, Coverage, Result
from chatschema.report.run import TIMEOUT_S, Elsewhere
from chatschema.task import session
from chatschema.values import Settings

# The report that also looks at files of this machine.
_SECURITY = "security"
# The report that also looks at the queries of other nodes; those of indexes count their scans.
_REPLICATION, _INDEXES = "replication", "indexes"


@dataclass(frozen=True, slots=True)
class Node:
    """Another node of the cluster: a read-only connection to it, and what its role sees."""

    connection: Connection
    coverage: Coverage

    @property
    def name(self) -> str:
        """Return the node's address, as messages name it."""
        return f"{self.connection.info.host}:{self.connection.info.port}"


@dataclass
class Look:
    """A read-only connection, the reports to run on it, and the counts of other nodes."""

    connection: Connection
    settings: Settings
    wanted: Sequence[Definition]
    coverage: Coverage
    elsewhere: Elsewhere | None
    nodes: Sequence[Node] = field(default_factory=tuple)

    def now(self) -> list[Result]:
        """Return the current results, with suppressed findings marked, worst first if there are several."""
        self.coverage = coverage.read(self.connection)
        reporting = self.settings.reporting
        results = [run.run(self.connection, one, self.coverage, reporting.thresholds, self.elsewhere) for one in self.wanted]
        results = [standbys.added(one, self._elsewhere()) if one.report == _REPLICATION else one for one in results]
        results = [files.added(one, _archives(self)) if one.report == _SECURITY else one for one in results]
        results = verdict.suppress(results, reporting.suppressions, datetime.now(UTC).date())
        return sorted(results, key=lambda result: STATUSES.index(result.status))

    def _elsewhere(self) -> Iterator[tuple[str, Result]]:
        """Yield the same report on the other nodes."""
        (wanted,) = (one for one in self.wanted if one.name == _REPLICATION)
        for node in self.nodes:
            yield node.name, run.run(node.connection, wanted, node.coverage, self.settings.reporting.thresholds)


def _archives(look: Look) -> list[Path]:
    """Return the folders and files of archives: the configured one, and the recorded ones that this role may know."""
    found = [look.settings.policy.archive_dir]
    for table in ("retired_months", "audit_seals"):
        try:
            rows = postgres.fetch_all(look.connection, f"select archive from chatschema.{table} where archive is not null")
        except ServerError as error:
            if error.sqlstate not in ("42P01", "42501", "3F000"):
                raise
        else:
            found += [Path(row[0]) for row in rows]
    return found


@contextmanager
def looking(
    settings: Settings,
    wanted: Sequence[Definition],
    *,
    timeout_s: float = TIMEOUT_S,
    wait_s: float = 0,
    replicas: Sequence[Callable[[Settings], Settings]] = (),
    say: Say,
) -> Iterator[Look]:
    """Yield a look at the server; each of `replicas` returns the settings of another node from those of the running server.

    Raises UsageError for thresholds of unknown reports, and for a replica that is not a node of this cluster.
    """
    for name in settings.reporting.thresholds:
        definition.load(settings.sql_dir, name)
    with ExitStack() as stack:
        live, connection = stack.enter_context(
            session.connected(settings, wait_s=wait_s, writes=False, needs_ledger=False, say=say)
        )
        stack.enter_context(run.safe(connection, timeout_s))
        seen = coverage.read(connection)
        nodes = [stack.enter_context(_asked(replica(live), timeout_s, seen, say)) for replica in replicas]
        # The others have no use for the counts, and a node may be slow to give them.
        counts = any(one.name == _INDEXES for one in wanted)
        elsewhere = run.together([(node.coverage, run.scans(node.connection)) for node in nodes]) if counts else None
        yield Look(connection, live, wanted, seen, elsewhere, nodes)


@contextmanager
def _asked(other: Settings, timeout_s: float, here: Coverage, say: Say) -> Iterator[Node]:
    """Yield another node of the cluster. Raises UsageError for one that is none, or is another database."""
    with (
        session.connected(other, writes=False, needs_ledger=False, say=say) as (_, connection),
        run.safe(connection, timeout_s),
    ):
        seen = coverage.read(connection)
        if (seen.system_identifier, seen.database) != (here.system_identifier, here.database):
            message = f"--replica {seen.host} is not a node of this cluster, or is another database"
            raise UsageError(message, "name the standbys of this server, or on a standby its primary", code="replica.foreign")
        yield Node(connection, seen)
