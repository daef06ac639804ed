"""What an action of the page touches, from the catalog: which protections can change its outcome."""

import re
from dataclasses import dataclass, field
from functools import cache, cached_property

from tests.support.access.world import World

# A protection, by kind: a policy or grant of a table ("rows"), its triggers by event ("insert", "update",
# "delete", "written" for any), row security for
# the owner too ("table"), a view, what a function does, and who may call it ("call").
Touched = tuple[str, str]
_WORD = re.compile(r"\w+")
_EVENTS = ("insert", "update", "delete")
_WRITTEN = re.compile(r"\b(insert|update|delete)(?: into| from)? (?:only )?(?:public\.|chatschema\.)?(\w+)", re.IGNORECASE)
_UPSERT = re.compile(r"\bon conflict\b.*?\bdo update\b", re.IGNORECASE | re.DOTALL)
# Whoever calls a function or view that runs as its owner meets no policy and no grant inside of it.
_SOURCES = """
    select 'function', proname::text, string_agg(coalesce(prosrc, '') || ' ' || coalesce(pg_get_function_sqlbody(oid), ''), ' '), bool_and(prosecdef)
    from pg_proc where pronamespace = 'chatschema'::regnamespace group by proname
    union all
    select 'view', relname::text, pg_get_viewdef(oid), not coalesce('security_invoker=true' = any(reloptions), false)
    from pg_class where relnamespace = 'chatschema'::regnamespace and relkind = 'v'
    union all
    select 'policy', relname::text, string_agg(concat_ws(' ', pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)), ' '), false
    from pg_policy join pg_class on pg_class.oid = polrelid group by relname
    union all
    select event, relname::text, string_agg(p.proname, ' '), false
    from pg_trigger as t join pg_class on pg_class.oid = tgrelid join pg_proc as p on p.oid = tgfoid
    join (values ('insert', 4), ('delete', 8), ('update', 16)) as e (event, bit) on tgtype & bit <> 0 where not tgisinternal group by 1, 2
    union all
    select 'default', relname::text, string_agg(pg_get_expr(adbin, adrelid), ' '), false
    from pg_attrdef join pg_class on pg_class.oid = adrelid group by relname
    union all
    select 'check', relname::text, string_agg(pg_get_constraintdef(k.oid), ' '), false
    from pg_constraint as k join pg_class on pg_class.oid = conrelid where contype = 'c' group by relname
"""


@dataclass(frozen=True, eq=False)
class Sources:
    """The text of each function, view, policy, trigger and expression, by kind and name, and whether it runs as its owner."""

    texts: dict[Touched, str]
    of_owner: frozenset[Touched]
    tables: frozenset[str]

    @cached_property
    def names(self) -> set[str]:
        """All names that lead somewhere."""
        return {*self.tables, *(name for kind, name in self.texts if kind in ("function", "view"))}


@cache
def sources(world: World) -> Sources:
    """Read the catalog; once, before anything is turned."""
    rows = world.database.all(_SOURCES)
    tables = world.database.all(
        "select relname::text from pg_class where relnamespace in ('public'::regnamespace, 'chatschema'::regnamespace) and relkind in ('r', 'p')"
    )
    return Sources(
        {(str(kind), str(name)): str(text) for kind, name, text, _ in rows},
        frozenset((str(kind), str(name)) for kind, name, _, is_owner in rows if is_owner),
        frozenset(str(name) for (name,) in tables),
    )


def touched(world: World, text: str) -> frozenset[Touched]:
    """Return all that some SQL touches when a login of an application runs it."""
    known = sources(world)
    return frozenset[Touched]().union(*(_of_name(known, name, events) for name, events in _names(known, text)))


def _names(known: Sources, text: str) -> list[tuple[str, frozenset[str]]]:
    """Return the known names in some SQL, each with what is done to the table of this name."""
    done: dict[str, set[str]] = {}
    for event, name in _WRITTEN.findall(text):
        done.setdefault(name.lower(), set()).update({event.lower()} | ({"update"} if _UPSERT.search(text) else set()))
    return [(name, frozenset(done.get(name, ()))) for name in known.names & set(_WORD.findall(text))]


@cache
def _of_name(known: Sources, name: str, events: frozenset[str]) -> frozenset[Touched]:
    """Return what a name alone leads to: most actions are about the same few."""
    reach = _Reach(known)
    reach.name(name, events, as_owner=False)
    return frozenset(reach.found)


@dataclass
class _Reach:
    """All that some SQL touches, through functions, views, policies and triggers."""

    known: Sources
    found: set[Touched] = field(default_factory=set)
    _seen: set[tuple[Touched, bool]] = field(default_factory=set)

    def name(self, name: str, events: frozenset[str], *, as_owner: bool, is_called: bool = True) -> None:
        """Follow a name in some SQL, which runs with the rights of its caller or of the owner."""
        if name in self.known.tables:
            self._table(name, events, as_owner=as_owner)
        for kind in ("function", "view"):
            if (kind, name) in self.known.texts:
                self.found.add((kind, name))
                if kind == "function" and is_called and not as_owner:
                    self.found.add(("call", name))
                self._follow((kind, name), as_owner=as_owner or (kind, name) in self.known.of_owner)

    def _table(self, name: str, events: frozenset[str], *, as_owner: bool) -> None:
        self.found.add(("table", name))
        if not as_owner:
            self.found.add(("rows", name))
            self._follow(("policy", name), as_owner=False)
        for event in events:
            self.found.add((event, name))
            self._follow((event, name), as_owner=as_owner)
        for kind in ("default", "check") if events else ():
            self.found.add(("written", name))
            self._follow((kind, name), as_owner=as_owner)

    def _follow(self, one: Touched, *, as_owner: bool) -> None:
        if (one, as_owner) in self._seen or one not in self.known.texts:
            return
        self._seen.add((one, as_owner))
        for name, events in _names(self.known, self.known.texts[one]):
            # A trigger calls its function, whoever may.
            self.name(name, events, as_owner=as_owner, is_called=one[0] not in _EVENTS)
