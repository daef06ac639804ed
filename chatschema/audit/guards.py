"""What protects the trail beside its seals: the triggers, the cluster that it was sealed in; and who keeps the next seal short."""

from chatschema import postgres
from chatschema.audit.findings import Found
from chatschema.audit.records import Epoch
from chatschema.postgres import Connection
from chatschema.postgres.blockers import SESSION, Session

_TRIGGERS = """
    select w.name, w.tab, w.is_always, t.tgenabled::text
    from (
        values ('audit_logs_refuse_change', 'public.audit_logs', true), ('audit_logs_refuse_truncate', 'public.audit_logs', true),
            ('audit_logs_stamp', 'public.audit_logs', false), ('audit_logs_record_erasure', 'public.audit_logs', false),
            ('audit_seals_refuse_change', 'chatschema.audit_seals', true),
            ('audit_seals_refuse_truncate', 'chatschema.audit_seals', true),
            ('audit_epochs_refuse_change', 'chatschema.audit_epochs', true),
            ('audit_epochs_refuse_truncate', 'chatschema.audit_epochs', true)
    ) as w (name, tab, is_always)
    left join pg_catalog.pg_trigger as t on t.tgname = w.name and t.tgrelid = to_regclass(w.tab)
    order by 2, 1
"""
# A transaction that has written anything anywhere in the cluster, or is prepared, ends the interval of the next seal.
_HOLDERS = f"""
    select {SESSION}
    from (
        select pid, backend_xid as xid, null::text as gid from pg_catalog.pg_stat_activity
        where backend_xid is not null and pid <> pg_backend_pid()
        union all
        select null, transaction, gid from pg_catalog.pg_prepared_xacts
    ) as h
    left join pg_catalog.pg_stat_activity as a on a.pid = h.pid
    left join pg_catalog.pg_prepared_xacts as p on p.gid = h.gid
    where clock_timestamp() - coalesce(a.xact_start, p.prepared) > interval '1 second'
        or coalesce(a.xact_start, p.prepared) is null
    order by age(h.xid) desc
    limit 5
"""


def check(connection: Connection, found: Found) -> None:
    """Add to `found` the triggers of the trail that are missing, disabled, or do not fire in replication."""
    for name, table, is_always, state in postgres.fetch_all(connection, _TRIGGERS):
        if state is None or state == "D":
            how = "missing" if state is None else "disabled"
            found.add("guard", f"trigger {name} on {table} is {how}: the server does not refuse changes")
        elif is_always and state != "A":
            found.notes.append(
                f"trigger {name} on {table} does not fire where session_replication_role is replica:"
                f" alter table {table} enable always trigger {name}"
            )


def check_cluster(epoch: Epoch, system_identifier: str, found: Found) -> None:
    """Add to `found` that the newest epoch is of another cluster."""
    if epoch.system_identifier != system_identifier:
        text = (
            f"the trail was sealed in the cluster {epoch.system_identifier}, and this is {system_identifier}: if it was restored,"
            " upgraded or copied on purpose, declare it: chatschema audit seal --new-epoch REASON"
        )
        found.add("other-cluster", text)


def holders(connection: Connection) -> tuple[Session, ...]:
    """Return the open transactions that keep the next seal short, the oldest first."""
    if postgres.fetch_one(connection, "select pg_is_in_recovery()")[0]:
        return ()
    return tuple(Session(*row) for row in postgres.fetch_all(connection, _HOLDERS))
