"""Grants that are missing, and grants beyond what sql/roles/ declares."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from chatschema.roles import files
from chatschema.roles.catalog import Catalog
from chatschema.roles.values import PUBLIC, RESTRICTED, Finding, Grant
from chatschema.structure.names import quoted
from chatschema.values import TABLES

# What everybody may have: to read the state of the schema, but not who did what.
_OF_PUBLIC = {
    *(Grant(PUBLIC, "schema", name, "usage") for name in ("public", "chatschema")),
    *(
        Grant(PUBLIC, "table", f"chatschema.{name}", "select")
        for name in (
            "_yoyo_migration",
            "migrations",
            "protection",
            "seeds",
            "schema_records",
            "retired_months",
            "applied_roles",
            "batches",
        )
    ),
}
# What only a distributed database has, as sql/cluster/rights.sql grants it.
_OF_CLUSTER = (
    Grant("app", "table", "chatschema.user_conversations", "select"),
    *(
        Grant("app", "function", f"chatschema.{name}", "execute")
        for name in ("enter(uuid)", "enter(uuid, uuid)", "pair_id(uuid, uuid)")
    ),
)
_MONTHS = "chat_partitions"


def expected(names: dict[str, str], declared: Sequence[Grant]) -> set[Grant]:
    """Return the grants of the groups, with the names of their roles."""
    of_files = (grant for group in files.groups() for grant in group.grants)
    return {replace(grant, role=names[grant.role]) for grant in (*of_files, *declared, *_OF_CLUSTER)}


def findings(found: Catalog, names: dict[str, str], declared: Sequence[Grant]) -> Iterator[Finding]:
    """Yield grants to revoke, then grants to add: a grant that may be passed on is revoked and granted again."""
    wanted = expected(names, declared)
    objects = {f"public.{table}" for table in TABLES} | {grant.object for grant in wanted}
    members = {member for group in RESTRICTED for member in found.all_members(names[group])} - set(names.values())
    extra = [(code, grant) for grant in found.grants if (code := _reason(grant, wanted, names, members, objects))]
    for code, grants in _grouped(extra):
        yield _finding(code, grants, "revoke")
    missing = [("roles.missing-grant", grant) for grant in wanted - found.grants if _exists(found, grant)]
    for code, grants in _grouped(missing):
        yield _finding(code, grants, "grant")


def _exists(found: Catalog, grant: Grant) -> bool:
    """Return whether the object of a grant exists: at an earlier migration some do not."""
    return grant.object in found.owners and (not grant.column or (grant.object, grant.column) in found.columns)


def _reason(grant: Grant, wanted: set[Grant], names: dict[str, str], members: set[str], objects: set[str]) -> str:
    """Return the code of the finding about a grant, "" for one that is meant."""
    if grant.object.startswith(f"{_MONTHS}.") or grant.object == _MONTHS:
        return "roles.partition-grant"
    if grant.role == PUBLIC:
        is_ours = grant.object.startswith("chatschema.") or grant.object in objects or grant.on == "schema"
        return "roles.public-grant" if is_ours and grant not in _OF_PUBLIC else ""
    if grant in wanted:
        return ""
    if grant.role in names.values():
        # Tables that the application added itself are granted by their migrations.
        is_ours = grant.object.startswith("chatschema") or grant.object in objects or grant.object == "public"
        return "roles.extra-grant" if is_ours else ""
    return "roles.login-grant" if grant.role in members and grant.object in objects else ""


def _grouped(found: Iterable[tuple[str, Grant]]) -> Iterator[tuple[str, list[Grant]]]:
    """Yield the grants that one statement is about: of one privilege, role and object, with its columns."""

    def key(one: tuple[str, Grant]) -> tuple[str, str, str, str, str, bool]:
        code, grant = one
        return code, grant.role, grant.on, grant.object, grant.privilege, bool(grant.column)

    for (code, *_), grants in groupby(sorted(found, key=lambda one: (*key(one), one[1].column)), key):
        yield code, [grant for _, grant in grants]


def _finding(code: str, grants: list[Grant], verb: str) -> Finding:
    one = grants[0]
    columns = f" ({', '.join(quoted(grant.column) for grant in grants)})" if one.column else ""
    kind = "" if one.on == "table" else f"{one.on} "
    role = one.role if one.role == PUBLIC else quoted(one.role)
    what = f"{one.privilege}{columns} on {kind}{one.object}"
    text = f"{role} lacks {what}" if verb == "grant" else f"{role} has {what}, which is not declared"
    # A routine is a function or a procedure.
    on = "routine " if one.on == "function" else kind
    statement = f"{verb} {one.privilege}{columns} on {on}{one.object} {'to' if verb == 'grant' else 'from'} {role}"
    return Finding(code, one.object, text, (statement,), "database")
