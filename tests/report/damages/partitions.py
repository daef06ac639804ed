"""Damages of partitioned tables: months that are missing, a default partition, detaches that were cut off, tables of strangers."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from tests.report.damages import Damage, Truth
from tests.support.database import Database

_EVENTS = """
    create table public.events (id bigint generated always as identity, at {type} not null, primary key (id, at)) partition by range (at);
"""


@contextmanager
def missing_months(database: Database) -> Iterator[Truth]:
    """All months but this one are dropped: rows of next month will be refused."""
    now = datetime.now(UTC)
    month = f"_y{now.year}m{now.month:02}"
    for table in ("message_statuses", "messages"):
        for (name,) in database.all(
            "select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = %s::regclass and c.relname > %s",
            f"public.{table}",
            table + month,
        ):
            database.run(f"drop table chat_partitions.{name}")
    yield Truth("public.messages")


@contextmanager
def a_gap(database: Database) -> Iterator[Truth]:
    """The third month from now is dropped, of both tables, and the fourth is there."""
    now = datetime.now(UTC)
    index = now.year * 12 + now.month - 1 + 3
    for table in ("message_statuses", "messages"):
        database.run(f"drop table chat_partitions.{table}_y{index // 12}m{index % 12 + 1:02}")
    yield Truth("public.messages", says=f"no partition from {index // 12}-{index % 12 + 1:02}-01 to ")


@contextmanager
def a_default_partition(database: Database) -> Iterator[Truth]:
    database.run("create table chat_partitions.rest partition of public.messages default")
    conversation = database.one("select id from public.conversations limit 1")
    database.run("alter table chat_partitions.rest disable trigger all")
    database.run(
        "insert into public.messages (id, conversation_id, message_type)"
        f" select chatschema.uuid7_floor('2020-01-01 00:00+00'), '{conversation}', 'system'"
    )
    assert database.one("select count(*) from chat_partitions.rest") == 1
    yield Truth("chat_partitions.rest", 1)


@contextmanager
def a_strangers_runway(database: Database) -> Iterator[Truth]:
    """A table of somebody else, with a partition a week, and none after the next week."""
    database.run(_EVENTS.format(type="timestamptz"))
    for week in (-1, 0, 1):
        lower, upper = f"date_trunc('week', now()) + '{week} week'", f"date_trunc('week', now()) + '{week + 1} week'"
        bounds = database.one(f"select format('from (%L) to (%L)', {lower}, {upper})")
        database.run(f"create table public.events_{week + 1} partition of public.events for values {bounds}")
    days = database.one("select round(extract(epoch from date_trunc('week', now()) + '2 week' - now()) / 86400)")
    yield Truth("public.events", says=f"partitions for {days} more days")


@contextmanager
def a_strangers_gap(database: Database) -> Iterator[Truth]:
    """A table with a partition a month by date, where one is missing."""
    database.run(_EVENTS.format(type="date"))
    for month in (0, 1, 3, 4, 5, 6):
        lower, upper = f"date_trunc('month', now()) + '{month} month'", f"date_trunc('month', now()) + '{month + 1} month'"
        bounds = database.one(f"select format('from (%L) to (%L)', ({lower})::date, ({upper})::date)")
        database.run(f"create table public.events_{month} partition of public.events for values {bounds}")
    since = database.one("select to_char(date_trunc('month', now()) + '2 month', 'YYYY-MM-DD')")
    yield Truth("public.events", says=f"no partition from {since} to ")


@contextmanager
def never_analyzed(database: Database) -> Iterator[Truth]:
    database.run("create table public.parts (id integer primary key) partition by range (id)")
    database.run("create table public.parts_0 partition of public.parts for values from (0) to (100000)")
    database.run("insert into public.parts select generate_series(1, 12000)")
    database.run("analyze public.parts_0")
    yield Truth("public.parts", 12000)


DAMAGES = [
    Damage("months that were not created", "partitions", "runway", missing_months),
    Damage("a month that is missing between two", "partitions", "gap", a_gap),
    Damage("rows in a default partition", "partitions", "default", a_default_partition,
           decision="its rows are copied, and what must not be written meanwhile is for the reader to know"),
    Damage("a table of somebody else that runs out of partitions", "partitions", "runway", a_strangers_runway),
    Damage("a table of somebody else with a gap", "partitions", "gap", a_strangers_gap),
    Damage("a partitioned table that was never analyzed", "partitions", "analyze", never_analyzed),
]  # fmt: skip
