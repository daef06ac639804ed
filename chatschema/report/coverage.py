"""The statistics that this role can see on this server, and the statements that make the rest visible."""

from chatschema import postgres, sqlfile
from chatschema.postgres import Connection
from chatschema.report.definition import Definition
from chatschema.report.result import Coverage, Gap

# The information that is hidden without the role.
_HIDDEN = {
    "pg_read_all_stats": "the sessions and queries of other roles are hidden from {role}",
    "pg_read_all_settings": "some settings are hidden from {role}",
    "pg_stat_scan_tables": "{role} may not use pgstattuple",
}


def read(connection: Connection) -> Coverage:
    """Return what this role can see; needs no privilege."""
    _, (row,) = postgres.fetch_named(connection, sqlfile.text_of("reports/parts/coverage.sql"))
    for name in ("roles", "available", "refused"):
        row[name] = tuple(row[name])
    return Coverage(**{**row, "version": row["version"].split()[0], "host": connection.info.host})


def blocking(definition: Definition, coverage: Coverage) -> list[Gap]:
    """Return why the report cannot run at all."""
    gaps = [gap for extension in definition.needs if (gap := _missing(extension, coverage))]
    if definition.on_primary and coverage.is_standby:
        gaps.append(Gap("a standby does not have this information", "run it on the primary: --url ..."))
    return gaps


def hiding(definition: Definition, coverage: Coverage) -> list[Gap]:
    """Return the gaps of the report: it runs, but some information is hidden."""
    return [
        Gap(_HIDDEN[role].format(role=coverage.role), f"grant {role} to {_quoted(coverage.role)};")
        for role in definition.fully
        if role not in coverage.roles
    ]


def _missing(extension: str, coverage: Coverage) -> Gap | None:
    preload = _preload(extension, coverage) if extension == "pg_stat_statements" and not coverage.is_statements_loaded else None
    if extension not in coverage.extensions:
        if extension not in coverage.available:
            return Gap(f"{extension} is not installed on the server", _package(extension, coverage.version_num // 10000))
        create = f"create extension {extension};"
        return Gap(f"{extension} is not created in {coverage.database}", f"{create}\n{preload}" if preload else create)
    return Gap(f"{extension} is created but not loaded", preload) if preload else None


def _preload(extension: str, coverage: Coverage) -> str:
    loaded = [name.strip() for name in (coverage.preloaded or "").split(",") if name.strip()]
    names = ", ".join(f"'{name}'" for name in [*loaded, extension])
    keep = "" if coverage.preloaded is not None else "  -- add the libraries that `show shared_preload_libraries` lists"
    return f"alter system set shared_preload_libraries = {names};{keep}\n-- then restart the server; a reload is not enough"


def _package(extension: str, major: int) -> str:
    package = f"postgresql-{major}-{extension}" if extension == "hypopg" else "postgresql-contrib"
    return f"-- install it on the server; on Debian: apt-get install {package}"


def _quoted(name: str) -> str:
    from psycopg import sql

    return sql.Identifier(name).as_string(None)
