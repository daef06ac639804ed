"""What a rehearsal measured, and what it means for the real database. Pure."""

from dataclasses import dataclass, field

from chatschema.migration.rehearsal.shapes import Shape


@dataclass(frozen=True, slots=True)
class Step:
    """A migration on the copy: its time, the longest wait of a client, its WAL, and the failures of the load by query.

    `factor` is how many times more work it is on the real database, by the bytes of the tables; `usual_ms` is the longest wait
    before the first migration.
    """

    id: str
    title: str
    duration_ms: float
    wait_ms: float
    wal_bytes: int
    failures: dict[str, tuple[int, str]] = field(default_factory=dict)
    factor: float = 1.0
    usual_ms: float = 0.0

    @property
    def estimate_ms(self) -> float:
        """How long it takes on the real database."""
        return round(self.duration_ms * self.factor, 1)

    @property
    def estimate_wait_ms(self) -> float:
        """The longest wait of others on the real database: the part that the migration causes grows with its work."""
        usual = min(self.wait_ms, self.usual_ms)
        return round(usual + (self.wait_ms - usual) * self.factor, 1)

    @property
    def estimate_wal_bytes(self) -> int:
        """Its WAL on the real database."""
        return round(self.wal_bytes * self.factor)


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """The migrations on a copy. `copy`: in words which one; `is_own`: whether it was made for this, and is dropped.

    `copy_bytes` and `bytes` are the sizes of the copy and of the real database; `load_source`: in words where the rates come from;
    `usual_ms` is the longest wait of a client before the first migration. `notes` are what limits the result.
    """

    copy: str
    is_own: bool
    copy_bytes: int
    bytes: int
    shapes: tuple[Shape, ...]
    load_source: str
    usual_ms: float
    steps: tuple[Step, ...]
    notes: tuple[str, ...] = ()

    @property
    def total(self) -> Step:
        """All of it as one."""
        steps = self.steps
        return Step(
            "total",
            "in total",
            round(sum(one.estimate_ms for one in steps), 1),
            max((one.estimate_wait_ms for one in steps), default=0.0),
            sum(one.estimate_wal_bytes for one in steps),
        )
