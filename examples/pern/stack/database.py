"""The database: its owner, the schema, the groups, and the logins of the application."""

import os
import subprocess
import sys
from pathlib import Path

from .postgres import Postgres

DATABASE = "chat"
# docs/how-to/roles.md, "From nothing": the login that runs chatschema creates roles, and acts as the owner of the tables.
_OWNER = """
do $$ begin
    if not exists (select from pg_roles where rolname = 'setup') then
        create role setup login createrole;
        create role chat_owner nologin;
        grant chat_owner to setup with admin option;
    end if;
end $$;
select 'create database chat owner chat_owner' where not exists (select from pg_database where datname = 'chat') \\gexec
alter role setup in database chat set role = chat_owner;
alter role setup password '{setup}';
"""
# The application is a member of a group, and neither owner nor superuser. Behind a pooler a session's settings are another
# client's too, so limits belong to the login: no statement of a request takes ten seconds, no transaction waits for Node.
_LOGINS = """
do $$ begin
    if not exists (select from pg_roles where rolname = 'api') then
        create role api login;
        create role worker login;
    end if;
end $$;
grant chat_app to api;
grant chat_worker to worker;
alter role api password '{api}';
alter role worker password '{worker}';
alter role api set statement_timeout = '10s';
alter role api set idle_in_transaction_session_timeout = '15s';
alter role worker set statement_timeout = '30s';
alter role worker set idle_in_transaction_session_timeout = '30s';
"""


def url(port: int, login: str, password: str, database: str = DATABASE) -> str:
    """Return the URL of a login."""
    return f"postgresql://{login}:{password}@127.0.0.1:{port}/{database}"


def chatschema(*command: str, url: str, cwd: Path) -> str:
    """Run chatschema and return what it prints. Raises RuntimeError with its error and hint."""
    # Neither a .env nor a chatschema.toml of the caller's folder decides where the example goes.
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PG", "DB_", "CHATSCHEMA_"))}
    done = subprocess.run(
        [sys.executable, "-m", "chatschema", *command],
        capture_output=True, text=True, check=False, cwd=cwd, env={**env, "DATABASE_URL": url},
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"chatschema {' '.join(command)} failed:\n{done.stderr.strip()}")
    return done.stdout


def prepare(primary: Postgres, passwords: dict[str, str], folder: Path) -> None:
    """Create what is missing: the database, its schema, the groups and the logins; record changes as events."""
    primary.sql(_OWNER.format(**passwords))
    owner = url(primary.port, "setup", passwords["setup"])
    chatschema("migrate", url=owner, cwd=folder)
    chatschema("roles", "apply", url=owner, cwd=folder)
    chatschema("events", "record", url=owner, cwd=folder)
    primary.sql(_LOGINS.format(**passwords))
