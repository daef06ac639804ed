"""PgBouncer in transaction mode, in front of the primary and the standby."""

from pathlib import Path

from . import ports
from .account import Account
from .child import Child
from .programs import Programs

# `chat` is the primary, `chat_replica` the standby. A pool a login and database; an idle connection of a server that ended is
# noticed by the next query, which is then tried again. Before 1.21 (Debian 12 has 1.18) it does not know named prepared
# statements: Sequelize uses none. Later versions take `max_prepared_statements` for clients that do.
_SETTINGS = """
[databases]
chat = host=127.0.0.1 port={primary} dbname=chat
chat_replica = host=127.0.0.1 port={standby} dbname=chat

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {users}
pool_mode = transaction
default_pool_size = 8
max_client_conn = 200
; A server that is away is answered with an error and not with two minutes of silence.
query_wait_timeout = 5
server_connect_timeout = 3
server_login_retry = 1
server_check_delay = 5
server_check_query = select 1
"""


def child(
    folder: Path, port: int, servers: tuple[int, int], passwords: dict[str, str], programs: Programs, account: Account, logs: Path
) -> Child:
    """Return the program, with the logins of the application; `servers` are the ports of primary and standby."""
    home = folder / "pgbouncer"
    home.mkdir(mode=0o700, exist_ok=True)
    users, settings = home / "users.txt", home / "pgbouncer.ini"
    # The passwords themselves: it logs in with them.
    users.touch(mode=0o600)
    users.write_text("".join(f'"{login}" "{passwords[login]}"\n' for login in ("api", "worker")))
    settings.write_text(_SETTINGS.format(primary=servers[0], standby=servers[1], port=port, users=users))
    for path in (home, users, settings):
        account.own(path)
    return Child(
        "pgbouncer", [programs.pgbouncer, "-q", settings],
        log=logs / "pgbouncer.log", is_ready=lambda: ports.accepts(port), cwd=Path("/"), account=account,
    )  # fmt: skip
