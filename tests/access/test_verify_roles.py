"""`verify` expects the grants and policies of the roles that were applied."""

from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.servers import PgServer, beside
from tests.support.verified import is_clean, names, reconcile, verified


def test_what_roles_apply_gives_is_expected_and_a_change_by_hand_is_not(cli: Cli, migrated: Database, prefix: str) -> None:
    assert cli("roles", "apply", "--prefix", prefix, "--url", migrated.url).code == 0
    is_clean(cli, migrated)
    migrated.run(
        f"revoke select on public.messages from {prefix}_app;"
        f"revoke execute on function chatschema.find_login(text) from {prefix}_app;"
        f"grant update on public.users to {prefix}_worker;"
        "drop policy users_readonly_select on public.users;"
        "alter policy messages_member_select on public.messages using (true)"
    )
    document = verified(cli, migrated)
    assert sorted(names(document)) == [
        "policy public.messages.messages_member_select",
        "policy public.users.users_readonly_select",
        f"privilege execute on function chatschema.find_login(name text) to {prefix}_app",
        f"privilege select on table public.messages to {prefix}_app",
        f"privilege update on table public.users to {prefix}_worker",
    ]
    reconcile(migrated, document)
    is_clean(cli, migrated)


def test_the_roles_need_not_exist_where_the_migrations_are_replayed(
    cli: Cli, migrated: Database, prefix: str, server: PgServer
) -> None:
    assert cli("roles", "apply", "--prefix", prefix, "--url", migrated.url).code == 0
    with beside(server) as other:
        done = cli("verify", "--scratch", other.url("postgres"), "--url", migrated.url)
        assert done.code == 0, done.out
        with other.connect("postgres") as connection:
            row = connection.execute("select count(*) from pg_roles where starts_with(rolname, %s)", (prefix,)).fetchone()
    assert row == (0,)
