"""Reading flags, environment, .env and chatschema.toml into one Settings value."""

import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote

from chatschema import assets
from chatschema.config import (
    batch,
    events,
    locks,
    migrate,
    partition,
    privacy,
    report,
    retention,
    sessions,
    toml_file,
    variables,
    verify,
)
from chatschema.errors import UsageError
from chatschema.redact import redact, remember
from chatschema.values import Settings

STATE_DIR = ".chatschema"
CONFIG_FILE = "chatschema.toml"
# The value of --url that means the embedded server, whatever else is configured.
EMBEDDED = "embedded"

# The spec's variables and libpq's, and the connection keyword each one sets.
_DB_KEYWORDS = {"DB_HOST": "host", "DB_PORT": "port", "DB_NAME": "dbname", "DB_USER": "user", "DB_PASSWORD": "password"}
_PG_KEYWORDS = {
    "PGSERVICE": "service", "PGHOST": "host", "PGHOSTADDR": "hostaddr", "PGPORT": "port", "PGDATABASE": "dbname",
    "PGUSER": "user", "PGPASSWORD": "password", "PGSSLMODE": "sslmode", "PGSSLROOTCERT": "sslrootcert",
}  # fmt: skip
# A password or an SSL mode alone does not name a server.
_TARGETS = ("DB_HOST", "DB_PORT", "DB_NAME", "DB_USER", "PGSERVICE", "PGHOST", "PGHOSTADDR", "PGPORT", "PGDATABASE", "PGUSER")
# If one of these is set but empty, a secret is missing. An empty port or password is not needed, and libpq treats an empty PG*
# as not set.
_NEVER_EMPTY = ("DB_HOST", "DB_NAME", "DB_USER")
_TRUE, _FALSE = {"true", "1", "yes", "on", "require"}, {"false", "0", "no", "off", ""}


def load(
    *, url: str | None, environ: Mapping[str, str], folder: Path, sql_dir: Path | None = None, needs_server: bool = True
) -> Settings:
    """Return the settings for a command run in `folder`.

    Precedence: `url`, the environment, `.env`, `chatschema.toml`, the embedded server. Within the environment and
    `.env`: DATABASE_URL, then DB_*, then PG*; values that the winning family lacks come from the layer below.
    Without `needs_server` the connection settings are not read, so they may be wrong.
    Raises UsageError for anything that cannot be understood, for a variable that is set but empty where it would have
    named the server, and in CI if no server is named.
    """
    toml, lists, tables = toml_file.read(folder / CONFIG_FILE)
    dotenv = _read_dotenv(folder / ".env")
    conninfo, source_name = _find_conninfo(url, environ, dotenv, toml) if needs_server else ("", "no server")
    state_dir = folder / STATE_DIR
    return Settings(
        conninfo=conninfo or "",
        source=source_name,
        embedded=None if conninfo is not None else state_dir,
        sql_dir=sql_dir or _folder(folder, toml, "sql_dir") or assets.sql_dir(),
        seeds_dir=_folder(folder, toml, "seeds_dir") or assets.seeds_dir(),
        state_dir=state_dir,
        is_production={**dotenv, **environ}.get("CHATSCHEMA_ENV", "").strip().lower() == "production",
        policy=partition.parse(tables.get("partition", {}), folder, CONFIG_FILE),
        locks=locks.parse(tables.get("locks", {}), CONFIG_FILE),
        reporting=report.parse(tables.get("report", {}), CONFIG_FILE),
        batching=batch.parse(tables.get("batches", {}), CONFIG_FILE),
        processing=privacy.parse(tables.get("privacy", {}), CONFIG_FILE),
        sessions_kept=sessions.parse(tables.get("sessions", {}), CONFIG_FILE),
        events_kept=events.parse(tables.get("events", {}), CONFIG_FILE),
        retention=retention.parse(tables.get("retention", {}), tables.get("audit", {}), folder, CONFIG_FILE),
        ignored=verify.parse(tables.get("verify", {}), CONFIG_FILE),
        variables=variables.parse(tables.get("variables", {}), {**dotenv, **environ}, CONFIG_FILE),
        planning=migrate.parse(tables.get("migrate", {}), CONFIG_FILE),
        replicas=tuple(from_url(one, f"replicas in {CONFIG_FILE}") for one in lists.get("replicas", [])),
    )


def _find_conninfo(
    url: str | None, environ: Mapping[str, str], dotenv: Mapping[str, str], toml: Mapping[str, str]
) -> tuple[str | None, str]:
    ssl = environ.get("DB_SSL", dotenv.get("DB_SSL", ""))
    if url == EMBEDDED:
        return None, "--url embedded"
    if url is not None:
        return from_url(url, "--url"), "--url"
    for layer, below, where in ((environ, dotenv, "the environment"), (dotenv, {}, ".env")):
        if found := _of_layer(layer, below, where, ssl):
            return found
    if "url" in toml:
        return from_url(toml["url"], f"url in {CONFIG_FILE}", ssl), CONFIG_FILE
    _refuse_embedded(environ, dotenv)
    return None, EMBEDDED


def _of_layer(layer: Mapping[str, str], below: Mapping[str, str], where: str, ssl: str) -> tuple[str, str] | None:
    """Return the connection that the variables of one layer define, and its source; None if they define none."""
    if "DATABASE_URL" in layer:
        return from_url(layer["DATABASE_URL"], f"DATABASE_URL in {where}", ssl), f"DATABASE_URL in {where}"
    for family, keywords in (("DB_*", _DB_KEYWORDS), ("PG*", _PG_KEYWORDS)):
        if any(layer.get(name) or (name in _NEVER_EMPTY and name in layer) for name in keywords if name in _TARGETS):
            _refuse_empty(keywords, layer, below, where)
            merged = {**below, **{name: value for name, value in layer.items() if value}}
            parts = {keyword: merged[name] for name, keyword in keywords.items() if merged.get(name)}
            return _conninfo(parts, f"{family} in {where}", ssl if family == "DB_*" else ""), f"{family} in {where}"
    return None


def _refuse_embedded(environ: Mapping[str, str], dotenv: Mapping[str, str]) -> None:
    """Raise UsageError where a missing secret would start the embedded server: a variable that is set but empty, and CI."""
    for layer, where in ((environ, "the environment"), (dotenv, ".env")):
        for name in _TARGETS:
            if name in layer:
                raise _is_empty(f"{name} in {where}")
    if _is_ci(environ):
        raise UsageError(
            "no server is configured; the embedded server is not used by default when CI is set",
            f"set DATABASE_URL, or DB_HOST and DB_NAME; to use the embedded server: --url {EMBEDDED}",
            code="config.no-server",
        )


def _refuse_empty(keywords: Mapping[str, str], layer: Mapping[str, str], below: Mapping[str, str], where: str) -> None:
    """Raise UsageError if a variable of the winning family is set but empty, and would select another server."""
    for name in (name for name in keywords if name in _NEVER_EMPTY):
        found, place = (layer, where) if name in layer else (below, ".env")
        if name in found and not found[name].strip():
            raise _is_empty(f"{name} in {place}")


def _is_empty(what: str) -> UsageError:
    name, separator, place = what.partition(" in ")
    remove = f"remove {name} from {place}" if place else f"leave out {name}"
    return UsageError(
        f"{name} is set but empty{separator}{place}",
        f"is a secret missing? set it, or {remove}; to use the embedded server: --url {EMBEDDED}",
        code="config.empty",
    )


def _is_ci(environ: Mapping[str, str]) -> bool:
    return environ.get("CI", "").strip().lower() not in ("", "false", "0")


def from_url(url: str, where: str, ssl: str = "") -> str:
    """Return the URL, or a libpq keyword string, as keyword string; no error message contains a password."""
    url = url.strip()
    if not url:
        raise _is_empty(where)
    scheme, separator, rest = url.partition("://")
    if not re.fullmatch(r"[A-Za-z][\w+.-]*", scheme) or not separator:
        # A text that is neither may still contain a password, so it is not quoted.
        if not re.match(r"\s*[a-z_]+\s*=", url):
            hint = "write it as postgresql://user@host:5432/database"
            raise UsageError(f"{where} is not a connection URL", hint, code="config.url")
        return _conninfo(_parse(url, where), where, ssl)
    scheme = scheme.lower().removesuffix("+psycopg").removesuffix("+psycopg2")
    if scheme not in ("postgresql", "postgres"):
        text = f"{where} is not a PostgreSQL URL: it begins with {scheme}://"
        raise UsageError(text, "use postgresql://", code="config.url")
    user_part = rest.rpartition("@")[0]
    user, _, secret = user_part.partition(":")
    # Both spellings, because libpq quotes a text that it cannot decode.
    for spelling in (secret, unquote(secret)):
        remember(spelling, public=[user, *re.split(r"[/:?,]", rest.rpartition("@")[2])])
    if user_part.count("@") or any(sign in user_part for sign in "/?#"):
        raise UsageError(
            f"{where} has a special character in its user or password that must be encoded",
            "write @ as %40, / as %2F, ? as %3F, # as %23, or set DB_HOST, DB_USER, DB_PASSWORD, DB_NAME instead",
            code="config.url",
        )
    return _conninfo(_parse(f"postgresql://{rest}", where), where, ssl)


def _parse(text: str, where: str) -> dict[str, str]:
    from psycopg import Error
    from psycopg.conninfo import conninfo_to_dict

    try:
        # libpq also reads ssl=true, JDBC's spelling of sslmode=require.
        return {key: str(value) for key, value in conninfo_to_dict(text).items() if value is not None}
    except Error as error:
        # For a keyword string libpq quotes the part that it cannot parse, which may be half of a password.
        why = f": {redact(str(error)).strip()}" if "://" in text else " as libpq's keyword = value pairs"
        hint = "quote a value that contains spaces: password='...'"
        if "query parameter" in why:
            hint = "remove the parameter: libpq does not know it; ?schema= belongs to other tools"
        raise UsageError(f"{where} cannot be read{why}", hint, code="config.url") from None


def _conninfo(parts: dict[str, str], where: str, ssl: str) -> str:
    from psycopg import Error
    from psycopg.conninfo import make_conninfo

    remember(parts.get("password", ""), public=[parts.get(key, "") for key in ("user", "dbname", "host")])
    port = parts.get("port", "")
    if not all(not part or (part.isdigit() and 0 < int(part) < 65536) for part in port.split(",")):
        raise UsageError(f"{where}: {port!r} is not a port", "write a number from 1 to 65535", code="config.port")
    if "sslmode" not in parts and _is_true(ssl):
        parts = {**parts, "sslmode": "require"}
    try:
        return make_conninfo("", **parts)
    except Error as error:
        raise UsageError(f"{where} cannot be read: {redact(str(error)).strip()}", code="config.url") from None


def _is_true(text: str) -> bool:
    value = text.strip().lower()
    if value not in _TRUE | _FALSE:
        hint = "set DB_SSL=true to require TLS"
        raise UsageError(f"DB_SSL={text} is neither true nor false", hint, code="config.ssl")
    return value in _TRUE


def _read_dotenv(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    from dotenv import dotenv_values

    try:
        # No interpolation: the application's dotenv does none, and a password may contain ${.
        return {name: value for name, value in dotenv_values(path, interpolate=False).items() if value is not None}
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path.name} cannot be read: {error}", code="config.file") from None


def _folder(base: Path, toml: Mapping[str, str], key: str) -> Path | None:
    if key not in toml:
        return None
    path = (base / toml[key]).resolve()
    if not path.is_dir():
        text = f"{CONFIG_FILE}: {key} = {toml[key]!r} is not a folder"
        raise UsageError(text, f"the path is relative to the folder of {CONFIG_FILE}", code="config.folder")
    return path
