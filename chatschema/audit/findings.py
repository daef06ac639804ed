"""What a check of the audit trail found: values, and the words for them."""

from dataclasses import dataclass, field
from datetime import datetime

from chatschema.postgres.blockers import Session


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it was sealed, or not as it has to be: the kind, the seal and the entry, where they are known."""

    kind: str
    text: str
    seal: int | None = None
    entry: int | None = None


@dataclass(frozen=True, slots=True)
class Unsealed:
    """Entries without a seal: how many, when the oldest was recorded, and the open transactions that keep the next seal short."""

    entries: int = 0
    oldest_at: datetime | None = None
    holders: tuple[Session, ...] = ()


@dataclass(frozen=True, slots=True)
class Verified:
    """The result of a check: how much was checked, what is wrong, what deserves a look, and what such a check cannot prove.

    `removed` seals have entries that only their files have: `only_archived` in all.
    """

    entries: int
    seals: int
    removed: int
    only_archived: int
    erased: int
    epochs: int
    newest_seal_at: datetime | None
    unsealed: Unsealed
    anchored: int | None
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]
    cannot_prove: tuple[str, ...]


# More of them help nobody, and each takes a search.
MOST = 100


@dataclass(slots=True)
class Found:
    """The findings so far, and the files that are not on this host."""

    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    away: list[str] = field(default_factory=list)
    more: int = 0

    def add(self, kind: str, text: str, seal: int | None = None, entry: int | None = None) -> None:
        """Add a finding; those beyond the limit are counted."""
        if len(self.findings) < MOST:
            self.findings.append(Finding(kind, text, seal, entry))
        else:
            self.more += 1

    def all_notes(self) -> tuple[str, ...]:
        """Return the notes; files of removed entries that are not on this host are one of them."""
        if not self.away:
            return tuple(self.notes)
        text = (
            f"{len(self.away)} files of removed entries are not on this host, so they were not checked; the first: {self.away[0]}"
        )
        return (*self.notes, text)

    def all(self) -> tuple[Finding, ...]:
        """Return the findings."""
        more = [Finding("more", f"{self.more} more findings are not listed")] if self.more else []
        return (*self.findings, *more)


def cannot_prove(anchored: int | None, seals: int, unsealed: int) -> tuple[str, ...]:
    """Return what the check cannot find out."""
    found = ["that an entry was ever written: what the application did not record leaves no trace"]
    if anchored is None:
        found.append("without --anchor: that the newest seals were not cut off, and that not all seals were recomputed")
    elif anchored < seals:
        found.append(f"that seals {anchored + 1} to {seals}, newer than the anchor, were not recomputed or followed by others")
    if unsealed:
        found.append("that the entries newer than the last seal are complete and unchanged")
    return tuple(found)
