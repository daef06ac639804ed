"""Replicas: a long query there delays the replay of a lock, and with it all readers of the table, so the query goes first."""

import re
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

from chatschema import postgres
from chatschema.errors import Busy, ChatschemaError
from chatschema.postgres import Connection, Say, blockers

WAIT_S = 30.0
_POLL_S = 0.2
# The standbys, without subscribers of a publication and pg_receivewal. A role without pg_monitor sees no state.
_FOLLOWING = """
    select count(*) filter (where r.state in ('streaming', 'catchup')), count(*) filter (where r.state is null)
    from pg_catalog.pg_stat_replication as r
    where r.application_name <> 'pg_receivewal' and not exists (
        select from pg_catalog.pg_replication_slots as s where s.active_pid = r.pid and s.slot_type = 'logical')
"""
# Transactions that are open for a second, or whose age is hidden, with each table they have locked, and a month's parent.
_READING = f"""
    select distinct l.virtualtransaction, c.relname, coalesce(root.relname, c.relname), {blockers.SESSION}
    from pg_catalog.pg_locks as l
    join pg_catalog.pg_class as c on c.oid = l.relation and c.relkind in ('r', 'p', 'm') and c.oid >= 16384
    left join pg_catalog.pg_class as root on root.oid = pg_partition_root(c.oid)
    join pg_catalog.pg_stat_activity as a on a.pid = l.pid
    left join pg_catalog.pg_prepared_xacts as p on false
    where l.granted and l.pid <> pg_backend_pid()
        and l.database = (select oid from pg_catalog.pg_database where datname = current_database())
        and coalesce(a.xact_start, '-infinity') < clock_timestamp() - interval '1 second'
    order by 6 desc nulls last, 3, 2
"""
# Text with these words may use a table that it does not name.
_DYNAMIC = re.compile(r"(?i)\b(?:do|call|perform|format)\b")


class ReplicaBusy(Busy):
    """A query on a replica did not end in time; the change whose replay would have waited for it was not started."""

    code = "replica.busy"


class Replicas:
    """The named replicas: connected to before the first change, and closed at the end."""

    def __init__(self, primary: Connection, urls: Sequence[str], wait_s: float, say: Say) -> None:
        """Take the URLs of the replicas; `wait_s` is how long to wait for their queries, and 0 skips the check."""
        self._primary, self._urls, self._wait_s, self._say = primary, urls, wait_s, say
        self._open: list[Connection] | None = None

    def __enter__(self) -> Self:
        """Return self; connections are opened later."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close the connections."""
        for connection in self._open or ():
            connection.close()

    def wait(self, what: str, concerned: str) -> None:
        """Return when no long query on a replica has locked a table whose name is in the text `concerned`.

        A replica that cannot be checked is reported once and skipped. Raises ReplicaBusy: `what` was not started.
        """
        if not self._wait_s:
            return
        if self._open is None:
            self._open = [connection for url in self._urls if (connection := self._connected(url))]
            self._tell_of_others()
        for connection in list(self._open):
            try:
                self._wait(connection, what, concerned)
            except ReplicaBusy:
                raise
            except ChatschemaError as error:
                self._open.remove(connection)
                self._say(f"warning: a replica is not checked: {error.message}")

    def _connected(self, url: str) -> Connection | None:
        try:
            connection = postgres.connect(url, writes=False)
        except ChatschemaError as error:
            self._say(f"warning: a replica is not checked: {error.message}")
            return None
        if postgres.describe(connection).is_standby:
            return connection
        self._say(f"warning: {_name(connection)} is not a standby, and is not checked")
        connection.close()
        return None

    def _tell_of_others(self) -> None:
        following, hidden = postgres.fetch_one(self._primary, _FOLLOWING)
        others = following - len(self._open or ())
        if hidden and not self._urls:
            self._say("this role cannot see whether standbys exist: grant pg_monitor to it, or name the standbys: --replica URL")
        elif others > 0:
            who = "1 standby is" if others == 1 else f"{others} standbys are"
            self._say(f"{who} not named and not checked; a long query there could delay the replay of this: name it: --replica URL")

    def _wait(self, connection: Connection, what: str, concerned: str) -> None:
        ages, deadline, is_said = blockers.Ages(), time.monotonic() + self._wait_s, False
        while True:
            rows = [row for row in postgres.fetch_all(connection, _READING) if _is_concerned(row, concerned)]
            old, is_known = ages.old([(row[0], row[2], blockers.Session(*row[3:])) for row in rows])
            if not old and is_known:
                return
            if old:
                table, session = old[0]
                text = (
                    f"on replica {_name(connection)}, {session} holds a lock on {table}, and the replay of this would wait for it"
                )
                if time.monotonic() > deadline:
                    hint = f"there, {session.how_to_end}; or wait longer: --replica-wait 300; or skip the check: --replica-wait 0"
                    raise ReplicaBusy(f"{what} was not started: {text}", hint, code="replica.busy")
                if not is_said:
                    self._say(f"waiting before {what}: {text}")
                    is_said = True
            time.sleep(_POLL_S)


def _is_concerned(row: tuple[Any, ...], text: str) -> bool:
    return bool(_DYNAMIC.search(text)) or any(re.search(rf"\b{re.escape(name)}\b", text, re.IGNORECASE) for name in row[1:3])


def _name(connection: Connection) -> str:
    return f"{connection.info.host}:{connection.info.port}"
