"""Values that belong to a subject, and that a search must not find afterwards."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Values:
    """What the subject is called, and what is searched for: words and bytes that are its alone, and words that others may have."""

    name: str
    words: tuple[str, ...] = ()
    bytes: tuple[bytes, ...] = ()
    shared: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """How many values are searched for."""
        return len(self.words) + len(self.bytes) + len(self.shared)
