"""The statement that creates or drops one thing of a table, and its form for one shard."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from psycopg import sql

_SUFFIX = re.compile(r" \((disabled|always|replica)\)$")
_STATES = {"disabled": "disable trigger", "always": "enable always trigger", "replica": "enable replica trigger"}
_REFERENCES = re.compile(r"REFERENCES (.*?)\(")


@dataclass(frozen=True, slots=True)
class Thing:
    """A part of a table: its kind, its name without a shard's number, and its definition with tables in place of shards."""

    table: str
    kind: str
    name: str
    definition: str

    @property
    def words(self) -> str:
        """The thing for people."""
        if self.kind in ("grant", "owner", "partition", "row security"):
            return f"{self.kind} {self.definition}"
        return f"{self.kind} {self.name}"

    @property
    def other(self) -> str | None:
        """The other table that the definition names."""
        if self.kind == "foreign key":
            found = _REFERENCES.search(self.definition)
            return found[1] if found else None
        return self.definition.split(" ")[1] if self.kind == "partition" else None


def create(one: Thing) -> list[str]:
    """Return the statements that create a thing on its table."""
    name, table, text = _quoted(one.name), one.table, one.definition
    if one.kind == "trigger":
        state = _SUFFIX.search(text)
        bare = _SUFFIX.sub("", text).replace(" TRIGGER ", f" TRIGGER {name} ", 1)
        return [bare, *([f"alter table {table} {_STATES[state[1]]} {name}"] if state else [])]
    if one.kind == "row security":
        return [f"alter table {table} {'enable' if part == 'enabled' else 'force'} row level security" for part in text.split(", ")]
    right, _, whom = text.partition(" to ")
    parent, _, bounds = text.removeprefix("of ").partition(" ")
    made = {
        "check": f"alter table {table} add constraint {name} {text}",
        "index": text.removesuffix(" (invalid)").replace(" INDEX ON ", f" INDEX {name} ON {table} ", 1),
        "policy": f"create policy {name} on {table} {text}",
        "owner": f"alter table {table} owner to {text}",
        "grant": f"grant {right} on {table} to {whom}",
        "partition": f"alter table {parent} attach partition {table} {bounds}",
    }
    return [made.get(one.kind, made["check"])]


def drop(one: Thing) -> list[str]:
    """Return the statements that remove a thing from its table; none where another one takes its place."""
    name, table, text = _quoted(one.name), one.table, one.definition
    if one.kind == "row security":
        states = {"enabled": "disable", "forced": "no force"}
        return [f"alter table {table} {states[part]} row level security" for part in text.split(", ")]
    if one.kind in ("owner", "partition"):
        return []
    right, _, whom = text.removesuffix(" with grant option").partition(" to ")
    gone = {
        "trigger": f"drop trigger {name} on {table}",
        "policy": f"drop policy {name} on {table}",
        "check": f"alter table {table} drop constraint {name}",
        "index": f"drop index {table.partition('.')[0]}.{name}",
        "grant": f"revoke {right} on {table} from {whom}",
    }
    return [gone.get(one.kind, gone["check"])]


def on_shard(one: Thing, statement: str, shard: int, partner: Mapping[str, int], *, is_numbered: bool) -> str:
    """Return the statement for one shard, as Citus itself would apply it; `partner` has the shards beside it, by table.

    `is_numbered`: the names of things of shards end with the number of the shard.
    """
    schema, table = one.table.split(".", 1)
    if one.other and " add constraint " in statement:
        first, second = (shard, schema), (partner[one.other], one.other.partition(".")[0])
    elif one.kind == "partition":
        parent = str(one.other)
        first, second = (partner[parent], parent.partition(".")[0]), (shard, schema)
    elif not is_numbered:
        own = f'{table[:-1]}_{shard}"' if table.endswith('"') else f"{table}_{shard}"
        return statement.replace(one.table, f"{schema}.{own}", 1)
    else:
        return f"select worker_apply_shard_ddl_command({shard}, {_text(schema)}, {_text(statement)})"
    parts = ", ".join(f"{number}, {_text(name)}" for number, name in (first, second))
    return f"select worker_apply_inter_shard_ddl_command({parts}, {_text(statement)})"


def _quoted(name: str) -> str:
    return name if re.fullmatch(r"[a-z_][a-z0-9_]*", name) else sql.Identifier(name).as_string(None)


def _text(value: str) -> str:
    return sql.Literal(value).as_string(None).strip()
