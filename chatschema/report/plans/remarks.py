"""Remarks on how a plan uses its indexes, and on the calls counted so far."""

from collections.abc import Mapping, Sequence
from typing import Any

from chatschema import postgres, units
from chatschema.postgres import Connection
from chatschema.report.plans import generic, reading
from chatschema.report.plans.reading import LARGE_ROWS, Remark, Table

# Blocks per row: an index lookup reads three or four, and one more for the row.
BLOCKS_A_ROW = 100
# A smaller error of the estimate usually leads to the same plan.
WRONG_FACTOR = 10
WRONG_ROWS = 100

_INDEXES = """
select n.nspname::text as schema, c.relname::text as name, array(
    select coalesce(a.attname::text, '')
    from unnest(x.indkey::smallint[]) with ordinality as k (attnum, place)
    left join pg_catalog.pg_attribute as a on a.attrelid = x.indrelid and a.attnum = k.attnum
    where k.place <= x.indnkeyatts
    order by k.place
) as columns
from unnest(%s::text[], %s::text[]) as asked (schema, name)
join pg_catalog.pg_namespace as n on n.nspname = asked.schema
join pg_catalog.pg_class as c on c.relnamespace = n.oid and c.relname = asked.name
join pg_catalog.pg_index as x on x.indexrelid = c.oid
/* chatschema report */"""


def of(connection: Connection, tree: dict[str, Any], found: Sequence[Table], row: Mapping[str, Any]) -> list[Remark]:
    """Return all remarks on the plan of a query; `row` is its row in the report on queries. Raises ServerError."""
    columns = _columns(connection, tree)
    said = reading.remarks(tree, found)
    for table in found:
        said += {(one.kind, one.message): one for one in _of_indexes(tree, table, columns)}.values()
    return said + _of_calls(tree, found, row)


def _columns(connection: Connection, tree: dict[str, Any]) -> dict[tuple[str, str], list[str]]:
    """Return the key columns of the indexes that the plan names, an expression as ''; its schema is its table's."""
    named = sorted({(node["Schema"], node["Index Name"]) for node in _index_scans(tree)})
    _, rows = postgres.fetch_named(connection, _INDEXES, ([schema for schema, _ in named], [name for _, name in named]))
    return {(row["schema"], row["name"]): row["columns"] for row in rows}


def _index_scans(tree: dict[str, Any]) -> list[dict[str, Any]]:
    return [node for node in reading.scans(tree) if "Index Name" in node and "Schema" in node]


def _of_indexes(tree: dict[str, Any], table: Table, indexes: Mapping[tuple[str, str], list[str]]) -> list[Remark]:
    """Return remarks on scans that read most of an index, because their condition is not on its first column."""
    said = []
    for node in _index_scans(tree):
        key, columns = (node["Schema"], node["Relation Name"]), indexes.get((node["Schema"], node["Index Name"]), [])
        if key not in table.members or sum(table.members.values()) <= LARGE_ROWS or not columns:
            continue
        alias = str(node.get("Alias", ""))
        found = reading.compared(str(node.get("Index Cond", "")), alias, table.texts)
        filtered = reading.compared(str(node.get("Filter", "")), alias, table.texts)
        given, asked = [column for column, how in found if how == "="], [column for column, how in filtered if how == "="]
        index = f"an index on ({', '.join(columns)})"
        if found and columns[0] not in [column for column, _ in found]:
            wanted = ", ".join(dict.fromkeys([*given, *columns]))
            text = f"{index} does not begin with {found[0][0]}, so most of it is read; an index on ({wanted}) would find the rows"
            said.append(Remark("column order", table.name, text))
        elif asked and not given:
            way = "backward" if node.get("Scan Direction") == "Backward" else "forward"
            wanted = ", ".join(dict.fromkeys([*asked, *columns]))
            text = (
                f"reads {index} {way} and filters rows by {', '.join(asked)}, however many that are;"
                f" an index on ({wanted}) contains only the matching rows, in the same order"
            )
            said.append(Remark("filter along an index", table.name, text))
    return said


def _of_calls(tree: dict[str, Any], found: Sequence[Table], row: Mapping[str, Any]) -> list[Remark]:
    """Return remarks on temporary files, blocks that returned no rows, and wrong estimates, from the calls so far."""
    kinds = [node["Node Type"] for node in generic.nodes(tree)]
    rows, blocks = row.get("rows_per_call"), row.get("blocks_per_call")
    if rows is None or blocks is None:
        return []
    name, said = ", ".join(table.name for table in found) or "the query", []
    if written := row.get("temp_bytes"):
        size = units.size(float(written) / row["calls"])
        text = f"each call wrote {size} of temporary files: work_mem is too small for a sort or hash"
        said.append(Remark("temporary files", name, text))
    if not found:
        return said
    # A row of these stands for all rows that were read for it, even if the rows are sorted or limited afterwards.
    is_summary = any(kind in ("Aggregate", "Group", "Unique", "WindowAgg") for kind in kinds)
    if not is_summary and blocks >= BLOCKS_A_ROW * max(rows, 1):
        text = f"each call read {blocks:,.0f} blocks for {rows:,.1f} rows: most of the rows that are read are not returned"
        said.append(Remark("many blocks", name, text))
    expected = float(tree["Plan Rows"])
    # For a limit that is a parameter the planner assumes a tenth; and a write expects no rows.
    is_estimated = "Limit" not in kinds and "ModifyTable" not in kinds
    larger, smaller = max(expected, rows), max(min(expected, rows), 1)
    if is_estimated and larger >= WRONG_ROWS and larger >= WRONG_FACTOR * smaller:
        text = f"the planner expects {expected:,.0f} rows, but each call returned {rows:,.1f}: analyze {name}"
        said.append(Remark("wrong estimate", name, text))
    return said
