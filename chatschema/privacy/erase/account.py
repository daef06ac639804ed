"""The users row, which is erased last: until then it says whom to search for."""

from dataclasses import dataclass
from uuid import UUID

from chatschema import postgres
from chatschema.postgres import Connection

_READ = "select username, email, avatar_url, account_state from public.users where id = %s"
# A name shows who somebody was: nobody takes it for a time, by its hash.
_RESERVE = """
    insert into chatschema.erased_names (name_hash, reserved_until)
    select sha256(convert_to(username, 'UTF8')), clock_timestamp() + make_interval(months => %(months)s, days => %(days)s)
    from public.users where id = %(subject)s and account_state <> 'erased'
    on conflict (name_hash) do update set reserved_until = greatest(erased_names.reserved_until, excluded.reserved_until)
"""
_ERASE = """
    update public.users
    set username = 'deleted-' || id, email = null, display_name = null, avatar_url = null, password_hash = null, status = 'offline',
        last_seen_at = null, account_state = 'erased', erased_at = coalesce(erased_at, clock_timestamp())
    where id = %(subject)s
"""


@dataclass(frozen=True, slots=True)
class Account:
    """What names the person; `is_erased` once nothing does."""

    username: str
    email: str | None
    avatar_url: str | None
    is_erased: bool

    @property
    def decisive(self) -> tuple[str, ...]:
        """Values that belong to this person alone."""
        return () if self.is_erased else tuple(value for value in (self.username, self.email, self.avatar_url) if value)


def read(connection: Connection, subject: UUID) -> Account:
    """Return what names the person."""
    username, email, avatar_url, state = postgres.fetch_one(connection, _READ, (subject,))
    return Account(username, email, avatar_url, state == "erased")


def erase(connection: Connection, subject: UUID, *, reserved_months: int, reserved_days: int) -> None:
    """Reserve the name, and erase the row; within the caller's transaction."""
    values = {"subject": subject, "months": reserved_months, "days": reserved_days}
    postgres.execute(connection, _RESERVE, values)
    postgres.execute(connection, _ERASE, values)
