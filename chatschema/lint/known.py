"""The tables, functions and other objects that a file finds, read from the files before it."""

import re
from dataclasses import dataclass, field, replace
from typing import Any

from chatschema import nodes
from chatschema.lint.syntax import Step
from chatschema.lint.values import Name

Type = tuple[str, tuple[int, ...]]
_IS_NOT_NULL = 2
_ADDED = re.compile(r"(?i)\badd\s+constraint\s+(\w+)")


@dataclass
class Check:
    """A check constraint: the columns that it reads, whether it is valid, and the column that it proves to be not null."""

    columns: frozenset[str]
    is_valid: bool
    present: str = ""


@dataclass
class Table:
    """A table: types by column, its unique keys, its partition key, and its checks by name."""

    columns: dict[str, Type] = field(default_factory=dict)
    keys: list[frozenset[str]] = field(default_factory=list)
    partition_key: tuple[str, ...] | None = None
    checks: dict[str, Check] = field(default_factory=dict)
    is_temporary: bool = False

    def copy(self) -> "Table":
        """Return a copy that can be changed."""
        checks = {name: replace(check) for name, check in self.checks.items()}
        return Table(dict(self.columns), list(self.keys), self.partition_key, checks, self.is_temporary)

    def proves(self, column: str) -> bool:
        """Return whether a valid check says that the column is not null."""
        return any(check.is_valid and check.present == column for check in self.checks.values())

    def bounds(self, columns: frozenset[str]) -> bool:
        """Return whether valid checks read all of these columns, as those of the bounds of a partition do."""
        return columns <= {column for check in self.checks.values() if check.is_valid for column in check.columns}

    def rename(self, old: str, new: str) -> None:
        """Rename a column."""
        if old in self.columns:
            self.columns[new] = self.columns.pop(old)
        self.keys = [frozenset(new if one == old else one for one in key) for key in self.keys]
        for check in self.checks.values():
            check.columns = frozenset(new if one == old else one for one in check.columns)
            check.present = new if check.present == old else check.present


@dataclass(frozen=True)
class Function:
    """A function: its volatility, and whether it returns a trigger, so that no application can call it."""

    volatility: str
    is_trigger: bool


@dataclass
class Known:
    """What exists at a point of a file. `made`: the tables that the file itself created before that point."""

    tables: dict[Name, Table] = field(default_factory=dict)
    indexes: dict[Name, Name] = field(default_factory=dict)
    functions: dict[Name, Function] = field(default_factory=dict)
    others: set[tuple[str, Name]] = field(default_factory=set)
    made: set[Name] = field(default_factory=set)
    # Constraints that a DO block adds to partitions by a statement that it builds from text.
    prepared: set[str] = field(default_factory=set)
    # Tables that no other copy has: all others are copied when they change.
    own: set[Name] = field(default_factory=set)

    def next_file(self) -> "Known":
        """Return a copy in which nothing was made by the file."""
        return Known(dict(self.tables), dict(self.indexes), dict(self.functions), set(self.others), prepared=set(self.prepared))

    def changing(self, name: Name) -> Table:
        """Return a table that may be changed."""
        if name not in self.own:
            self.tables[name] = self.tables[name].copy() if name in self.tables else Table()
            self.own.add(name)
        return self.tables[name]

    def is_new(self, table: Name) -> bool:
        """Return whether the file itself created the table: nobody else uses it."""
        return table in self.made

    def partition_key(self, table: Name) -> tuple[str, ...] | None:
        """Return the columns that a partitioned table is partitioned by; None for any other."""
        return self.tables[table].partition_key if table in self.tables else None

    def key_of_table(self, table: Name) -> list[frozenset[str]]:
        """Return the unique keys of a table; without a table `id` is taken for one."""
        return self.tables[table].keys if table in self.tables else [frozenset({"id"})]

    def has(self, kind: str, name: Name) -> bool:
        """Return whether an object exists."""
        if kind in ("table", "matview"):
            return name in self.tables
        return {"index": name in self.indexes, "function": name in self.functions}.get(kind, (kind, name) in self.others)

    def apply(self, step: Step) -> None:
        """Carry out a statement."""
        if method := getattr(self, f"_{step.kind}", None):
            method(step.node)

    def _do_stmt(self, node: Any) -> None:
        for kind, value in nodes.walk(node):
            if kind == "string":
                self.prepared.update(_ADDED.findall(value.sval))

    def _create_stmt(self, node: Any) -> None:
        name = nodes.relation(node.relation)
        if name in self.tables:
            return
        table = Table(is_temporary=node.relation.relpersistence == "t")
        if node.HasField("partspec"):
            parts = [one.partition_elem for one in node.partspec.part_params]
            table.partition_key = tuple(part.name for part in parts)
        self.tables[name] = table
        self.own.add(name)
        self.made.add(name)
        for element in node.table_elts:
            kind = nodes.kind_of(element)
            if kind == "column_def":
                self._column(table, element.column_def)
            elif kind == "constraint":
                _constrain(table, element.constraint)
            elif kind == "table_like_clause":
                source = self.tables.get(nodes.relation(element.table_like_clause.relation), Table())
                table.columns.update(source.columns)

    def _create_table_as_stmt(self, node: Any) -> None:
        name = nodes.relation(node.into.rel)
        if name not in self.tables:
            self.tables[name] = Table(is_temporary=node.into.rel.relpersistence == "t")
            self.made.add(name)

    def _select_stmt(self, node: Any) -> None:
        if node.HasField("into_clause"):
            name = nodes.relation(node.into_clause.rel)
            self.tables.setdefault(name, Table())
            self.made.add(name)

    def _column(self, table: Table, column: Any) -> None:
        table.columns[column.colname] = nodes.type_of(column.type_name)
        for constraint in nodes.constraints(column.constraints):
            if nodes.constraint_kind(constraint) in ("primary", "unique"):
                table.keys.append(frozenset({column.colname}))

    def _index_stmt(self, node: Any) -> None:
        table = nodes.relation(node.relation)
        if node.idxname:
            self.indexes[table[0], node.idxname] = table
        if node.unique and not node.HasField("where_clause") and table in self.tables:
            self.changing(table).keys.append(frozenset(part.index_elem.name for part in node.index_params))

    def _create_function_stmt(self, node: Any) -> None:
        found = nodes.option(node.options, "volatility")
        volatility = found.arg.string.sval if found is not None else "volatile"
        is_trigger = nodes.strings(node.return_type.names)[-1:] == ["trigger"]
        self.functions[nodes.qualified(node.funcname)] = Function(volatility, is_trigger)

    def _view_stmt(self, node: Any) -> None:
        self.others.add(("view", nodes.relation(node.view)))

    def _create_policy_stmt(self, node: Any) -> None:
        # By the table that has one.
        self.others.add(("policy", nodes.relation(node.table)))

    def _create_enum_stmt(self, node: Any) -> None:
        self.others.add(("type", nodes.qualified(node.type_name)))

    def _create_domain_stmt(self, node: Any) -> None:
        self.others.add(("domain", nodes.qualified(node.domainname)))

    def _drop_stmt(self, node: Any) -> None:
        kind = nodes.object_kind(node.remove_type)
        for one in node.objects:
            name = nodes.object_name(one)
            self.others.discard((kind, name))
            if kind in ("table", "matview"):
                self.tables.pop(name, None)
                self.own.discard(name)
            elif kind == "index":
                self.indexes.pop(name, None)
            elif kind == "function":
                self.functions.pop(name, None)

    def _rename_stmt(self, node: Any) -> None:
        kind, name = nodes.object_kind(node.rename_type), nodes.relation(node.relation)
        if kind == "table" and name in self.tables:
            new = (name[0], node.newname)
            self.tables[new] = self.tables.pop(name)
            self.own = (self.own - {name, new}) | ({new} if name in self.own else set())
            if name in self.made:
                self.made.add(new)
        elif kind == "column" and name in self.tables:
            self.changing(name).rename(node.subname, node.newname)

    def _alter_table_stmt(self, node: Any) -> None:
        table = self.changing(nodes.relation(node.relation))
        for one in node.cmds:
            command = one.alter_table_cmd
            action = nodes.action(command)
            if action == "AddColumn":
                self._column(table, getattr(command, "def").column_def)
            elif action == "DropColumn":
                table.columns.pop(command.name, None)
            elif action == "AlterColumnType":
                table.columns[command.name] = nodes.type_of(getattr(command, "def").column_def.type_name)
            elif action == "AddConstraint":
                _constrain(table, getattr(command, "def").constraint)
            elif action == "ValidateConstraint":
                if command.name in table.checks:
                    table.checks[command.name].is_valid = True
            elif action == "DropConstraint":
                table.checks.pop(command.name, None)


def _constrain(table: Table, constraint: Any) -> None:
    kind = nodes.constraint_kind(constraint)
    if kind in ("primary", "unique") and (columns := nodes.strings(constraint.keys)):
        table.keys.append(frozenset(columns))
    elif kind == "check":
        read = [value for name, value in nodes.walk(constraint.raw_expr) if name == "column_ref" and value.fields]
        names = frozenset(nodes.strings(one.fields)[-1] for one in read)
        is_present = (
            nodes.kind_of(constraint.raw_expr) == "null_test" and constraint.raw_expr.null_test.nulltesttype == _IS_NOT_NULL
        )
        present = min(names, default="") if is_present else ""
        table.checks[constraint.conname] = Check(names, not constraint.skip_validation, present)
