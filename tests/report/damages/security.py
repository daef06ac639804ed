"""Damages of what keeps strangers from the data: the network, passwords, the log, and roles that nothing restricts."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.report.damages import Damage, Truth
from tests.support.database import Database

OPEN = "listen_addresses = '*'\n"


@contextmanager
def open_without_tls(_: Database) -> Iterator[Truth]:
    yield Truth("ssl", says="other machines")


@contextmanager
def rule_of_trust(database: Database) -> Iterator[Truth]:
    file = Path(database.one("select current_setting('hba_file')"))
    before = file.read_text()
    line = before.count("\n") + 1
    file.write_text(f"{before}host all all 10.0.0.0/8 trust\nhostssl all all 0.0.0.0/0 reject\n")
    database.one("select pg_reload_conf()")
    yield Truth(f"pg_hba.conf line {line}", says="10.0.0.0")


@contextmanager
def hash_of_md5(database: Database) -> Iterator[Truth]:
    role = f"weak_{database.name}"
    database.run(f"set password_encryption = md5; create role {role} login password 'tiger99'")
    try:
        yield Truth(role)
    finally:
        database.run(f"drop role {role}")


@contextmanager
def new_hashes_of_md5(database: Database) -> Iterator[Truth]:
    database.run(f"alter database {database.name} set password_encryption = md5")
    yield Truth("password_encryption")


@contextmanager
def parameters_in_the_log(database: Database) -> Iterator[Truth]:
    database.run(f"alter database {database.name} set log_min_duration_statement = '10s'")
    yield Truth("log_parameter_max_length", says="log_min_duration_statement")


@contextmanager
def parameters_of_errors_in_the_log(database: Database) -> Iterator[Truth]:
    database.run(f"alter database {database.name} set log_parameter_max_length_on_error = 64")
    yield Truth("log_parameter_max_length_on_error", says="is 64")


@contextmanager
def member_that_is_superuser(database: Database) -> Iterator[Truth]:
    role = f"boss_{database.name}"
    database.run(f"create role {role} login superuser bypassrls")
    # As chatschema roles apply makes them: a group that the policies are about.
    database.run(f"create role {role}_app; grant {role}_app to {role}")
    database.run(f"create policy boss on public.users to {role}_app using (true)")
    try:
        yield Truth(role, says="superuser")
    finally:
        database.run(f"drop policy boss on public.users; drop role {role}; drop role {role}_app")


DAMAGES = [
    Damage(
        "a server that is open and has no TLS", "security", "tls", open_without_tls, settings=OPEN,
        decision="a certificate has to be made first",
    ),
    Damage(
        "a rule that asks for no password", "security", "login", rule_of_trust, settings=OPEN,
        decision="the file pg_hba.conf has to be edited",
    ),
    Damage("a password stored as MD5", "security", "password", hash_of_md5, decision="only the person can set the password again"),
    Damage("new passwords stored as MD5", "security", "password", new_hashes_of_md5),
    Damage("parameters in the log", "security", "log", parameters_in_the_log),
    Damage("parameters of errors in the log", "security", "log", parameters_of_errors_in_the_log),
    Damage("a member of the application that is a superuser", "security", "superuser", member_that_is_superuser),
]  # fmt: skip
