"""The templates that resets leave on a server."""

from tests.support.servers import PgServer

PREFIX = "chatschema_template_"


def templates(server: PgServer) -> list[str]:
    """Return their names."""
    with server.connect("postgres") as admin:
        query = "select datname from pg_database where starts_with(datname, %s) order by 1"
        return [str(row[0]) for row in admin.execute(query, (PREFIX,)).fetchall()]


def drop_templates(server: PgServer) -> None:
    """Drop them; other tests reset too."""
    with server.connect("postgres") as admin:
        for name in templates(server):
            admin.execute(f"drop database {name} with (force)".encode())
