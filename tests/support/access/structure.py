"""What no login of an application does to the structure, the locks and the tables of chatschema."""

from chatschema.values import TABLES
from tests.support.access.world import World


def statements(world: World) -> list[str]:
    """Return statements that every login is refused."""
    tables = [f"public.{table}" for table in TABLES]
    month = world.month
    return [
        *(f"truncate {table}" for table in tables),
        *(f"lock table {table} in access exclusive mode" for table in [*tables, month]),
        *(f"alter table {table} disable trigger all" for table in tables),
        *(f"alter table {table} disable row level security" for table in tables),
        *(f"create policy mine on {table}" for table in tables),
        f"select * from {month} limit 1",
        f"insert into {month} default values",
        "set session_replication_role = replica",
        "set role chat_owner",
        "set session authorization postgres",
        "select set_config('role', 'chat_owner', false)",
        "select set_config('session_authorization', 'postgres', false)",
        "create table public.mine (i int)",
        "create function chatschema.mine() returns int language sql as 'select 1'",
        "create schema mine",
        "drop function chatschema.actor()",
        "alter view chatschema.memberships set (security_barrier = false)",
        "insert into chatschema.holds (reason) values ('mine')",
        "update chatschema.holds set reason = 'x'",
        "delete from chatschema.migrations",
        "select * from chatschema.holds",
        "select chatschema.has_active_hold()",
        "create trigger mine before insert on public.messages for each row execute function chatschema.set_updated_at()",
    ]
