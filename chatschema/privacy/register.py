"""The record of processing activities (Art. 30 GDPR), from the tags of the columns, the settings and the grants."""

from dataclasses import dataclass
from datetime import UTC, datetime

from chatschema.postgres import Connection
from chatschema.privacy import tags
from chatschema.privacy.tags import Column
from chatschema.values import Processing, Settings, Span


@dataclass(frozen=True, slots=True)
class Data:
    """The columns of an activity that hold one kind of personal data."""

    kind: str
    description: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Limit:
    """How long the data of a rule is kept: the tag's word, and the rule in words."""

    keep: str
    until: str


@dataclass(frozen=True, slots=True)
class Activity:
    """Data that is processed for one purpose on one legal basis; `readers` are the database roles that may read some of it."""

    purpose: str
    basis: str
    data: tuple[Data, ...]
    limits: tuple[Limit, ...]
    readers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Record:
    """The record: who is responsible, the activities, and the columns whose tag is missing or wrong."""

    database: str
    written_at: datetime
    processing: Processing
    activities: tuple[Activity, ...]
    columns: tuple[Column, ...]
    problems: tuple[str, ...]


def read(connection: Connection, settings: Settings) -> Record:
    """Return the record of the database; reads only the catalog. Raises ServerError."""
    columns = tags.columns(connection)
    tagged = [column for column in columns if column.tag and column.tag.pii != "none"]
    keys = sorted(
        {(one.tag.purpose, one.tag.basis) for one in tagged if one.tag}, key=lambda key: (list(tags.PURPOSES).index(key[0]), key[1])
    )
    return Record(
        connection.info.dbname,
        datetime.now(UTC),
        settings.processing,
        tuple(_activity(purpose, basis, tagged, settings) for purpose, basis in keys),
        tuple(columns),
        tuple(f"{one.table}.{one.name} {one.problem}" for one in columns if one.problem),
    )


def _activity(purpose: str, basis: str, tagged: list[Column], settings: Settings) -> Activity:
    mine = [one for one in tagged if one.tag and (one.tag.purpose, one.tag.basis) == (purpose, basis)]
    kinds = {kind: tuple(f"{one.table}.{one.name}" for one in mine if one.tag and one.tag.pii == kind) for kind in tags.KINDS}
    keeps = sorted({one.tag.keep for one in mine if one.tag})
    return Activity(
        tags.PURPOSES[purpose],
        tags.BASES[basis],
        tuple(Data(kind, tags.KINDS[kind], columns) for kind, columns in kinds.items() if columns),
        tuple(Limit(keep, until(keep, settings)) for keep in keeps),
        tuple(sorted({role for one in mine for role in one.readers})),
    )


def until(keep: str, settings: Settings) -> str:
    """Return until when data of a rule (one of KEEPS) is kept with these settings, in words."""
    months = f"months that ended {span(settings.policy.keep)} ago are retired" if settings.policy.keep else "no month is retired"
    return {
        "account": "until the account is erased",
        "audit": "until the personal part of the row is erased with the person; the row stays as evidence",
        "conversation": "until the participant is erased, or the conversation is deleted",
        "erasure": "without limit: it proves the erasure, and keeps a restored month from undoing it",
        "event": f"months of events are dropped {span(settings.events_kept)} after their end",
        "file": "as the message it belongs to; the stored file until the collector has removed it",
        "hold": "without limit: it proves why data was kept",
        "key": "until the account is erased",
        "message": f"retention_days of the conversation, or expires_at of the message; {months}; longer under a hold",
        "session": f"{span(settings.sessions_kept)} after the session ended",
    }[keep]


def span(length: Span) -> str:
    """Return a length of time in words, for example 24 months or 30 days."""
    parts = [(length.months, "month"), (int(length.days), "day")]
    return " and ".join(f"{number} {unit}{'' if number == 1 else 's'}" for number, unit in parts if number) or "0 days"


def markdown(record: Record) -> str:
    """Return the record as a Markdown document, ending with a line break."""
    parts = [f"# Record of processing activities: {record.database}", "", *_head(record), ""]
    for number, activity in enumerate(record.activities, 1):
        parts += [f"## {number}. {activity.purpose}", "", *_body(activity, record.processing), ""]
    if record.problems:
        parts += ["## Columns without a valid tag", "", *(f"- {_cell(one)}" for one in record.problems), ""]
    return "\n".join(parts).rstrip() + "\n"


def _head(record: Record) -> list[str]:
    said = record.processing
    missing = "not stated: set it in chatschema.toml, [privacy]"
    lines = [
        ("Controller", said.controller or missing),
        ("Contact", said.contact or missing),
        ("Data protection officer", said.officer or "none named"),
        ("Data subjects", said.subjects),
        ("Recipients", "; ".join(said.recipients) or "none named"),
        ("Transfers to third countries", said.transfers or "none named"),
        ("Security measures", "; ".join(("row level security and column grants by role", *said.measures))),
        ("Written", f"{record.written_at:%Y-%m-%d %H:%M} UTC by chatschema, from the comments of the columns"),
    ]
    return ["| | |", "|---|---|", *(f"| {name} | {_cell(value)} |" for name, value in lines)]


def _body(activity: Activity, said: Processing) -> list[str]:
    return [
        f"- Legal basis: {activity.basis}",
        f"- Data subjects: {_cell(said.subjects)}",
        f"- Database roles that may read some of it: {', '.join(activity.readers) or 'only the owner'}",
        *(f"- Kept ({limit.keep}): {limit.until}" for limit in activity.limits),
        "",
        "| data | what it is | columns |",
        "|---|---|---|",
        *(f"| {one.kind} | {one.description} | {_cell(_by_table(one.columns))} |" for one in activity.data),
    ]


def _by_table(columns: tuple[str, ...]) -> str:
    """Return columns with their table named once: users (id, username)."""
    found: dict[str, list[str]] = {}
    for column in columns:
        table, _, name = column.rpartition(".")
        found.setdefault(table.removeprefix("public."), []).append(name)
    return "; ".join(f"{table} ({', '.join(names)})" for table, names in found.items())


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
