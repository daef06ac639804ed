"""Functions, rights to schemas, and roles compared with those of the coordinator."""

from collections.abc import Iterator, Mapping
from typing import Any

from chatschema.cluster.nodes import Place
from chatschema.cluster.verify.finding import OWN, Finding

_LOGIN = "and its password, unless the nodes trust each other: alter role {0} password '...'"


def findings(documents: Mapping[Place, Any]) -> Iterator[Finding]:
    """Yield functions that are missing, extra or otherwise on a node, and rights to schemas that differ."""
    coordinator = next(place for place in documents if place.group == 0)
    expected = documents[coordinator]
    for place, found in documents.items():
        if place == coordinator:
            continue
        for name, function in expected["functions"].items():
            yield from _of_function(coordinator, place, name, function, found["functions"].get(name))
        for name in sorted(found["functions"].keys() - expected["functions"].keys()):
            do = (OWN, f"drop function {name}")
            reason = "is a function that the coordinator does not have"
            yield Finding("cluster.function-differs", place.name, name, reason, place.name, do)
        for schema, rights in expected["schemas"].items():
            yield from _rights(coordinator, place, "schema", schema, rights, found["schemas"].get(schema, []))


def _of_function(
    coordinator: Place, place: Place, name: str, expected: tuple[str, str, list[str]], found: tuple[str, str, list[str]] | None
) -> Iterator[Finding]:
    definition, owner, rights = expected
    # Citus passes it on to all nodes, with owner and grants.
    again = f"do $do$ begin execute pg_get_functiondef('{name}'::regprocedure); end $do$"
    where = (place.name, name)
    if found is None:
        do = (again, f"revoke all on function {name} from public", *_granted("function", name, rights))
        yield Finding("cluster.function-differs", *where, "is missing", coordinator.name, do)
        return
    if found[0] != definition:
        yield Finding("cluster.function-differs", *where, "has another definition", coordinator.name, (again,))
    if found[1] != owner:
        do = (f"alter function {name} owner to {owner}",)
        yield Finding("cluster.function-differs", *where, f"belongs to {found[1]}, and not to {owner}", coordinator.name, do)
    yield from _rights(coordinator, place, "function", name, rights, found[2])


def _rights(coordinator: Place, place: Place, kind: str, name: str, expected: list[str], found: list[str]) -> Iterator[Finding]:
    """Yield one finding for all rights that differ; grants and revokes of the coordinator are passed on."""
    missing = [right for right in expected if right not in found]
    extra = [right for right in found if right not in expected]
    if missing or extra:
        reason = "; ".join(
            part
            for part in (
                f"lacks the grant of {', '.join(missing)}" if missing else "",
                f"has beside the grant of {', '.join(extra)}" if extra else "",
            )
            if part
        )
        revoked = tuple(f"revoke {right.replace(' to ', f' on {kind} {name} from ', 1)}" for right in extra)
        do = (*_granted(kind, name, missing), *revoked)
        yield Finding("cluster.rights-differ", place.name, f"{kind} {name}", reason, coordinator.name, do)


def _granted(kind: str, name: str, rights: list[str]) -> tuple[str, ...]:
    return tuple(f"grant {right.replace(' to ', f' on {kind} {name} to ', 1)}" for right in rights)


def of_roles(documents: Mapping[Place, Any]) -> Iterator[Finding]:
    """Yield roles that tables and functions name, or their members, which a node does not have, or has with other memberships."""
    coordinator = next(place for place in documents if place.group == 0)
    roles = documents[coordinator]["roles"]
    used = [name for name in documents[coordinator]["used"] if not name.startswith("pg_")]
    for place, document in documents.items():
        for name in used:
            may_login, groups = roles[name]
            found = document["roles"].get(name)
            where = (place.name, f"role {name}")
            if found is None:
                do = [OWN, f"create role {name} {'login' if may_login else 'nologin'}", *_joined(name, groups)]
                reason = "is missing: statements of it and of its members fail there"
                if may_login:
                    do.append(f"-- {_LOGIN.format(name)}")
                yield Finding("cluster.role-differs", *where, reason, place.name, tuple(do))
                continue
            if lacking := [group for group in groups if group not in found[1]]:
                reason = f"is no member of {', '.join(lacking)}"
                yield Finding("cluster.role-differs", *where, reason, place.name, (OWN, *_joined(name, lacking)))
            if may_login and not found[0]:
                yield Finding("cluster.role-differs", *where, "may not log in", place.name, (OWN, f"alter role {name} login"))


def _joined(name: str, groups: list[str]) -> list[str]:
    return [f"grant {group} to {name}" for group in groups]
