"""Other people in an export: a pseudonym instead of the id, the same in all files of one export and in no other export."""

import hmac
import re
import secrets
from collections.abc import Collection
from typing import Any

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
# Texts of these keys are words of the schema, of chatschema or of a client's code, and name nobody. All other texts are left out.
_WORDS = {
    "account_state", "algorithm", "change", "changed", "columns", "conversation_type", "device_type", "history", "key_type", "kind",
    "level", "message_type", "method", "mode", "new_role", "notification_level", "old_role", "outcome", "reason_code", "result",
    "revoked_reason", "role", "state", "status", "type",
}  # fmt: skip
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}(:?\d{2})?)?)?")
LEFT_OUT = "[left out]"


class People:
    """Replaces other people's ids; counts the texts that it left out of JSON columns."""

    def __init__(self, subject: str) -> None:
        self._subject = subject
        # Thrown away with this object: nobody can tell afterwards which pseudonym is whose.
        self._key = secrets.token_bytes(32)
        self.left_out = 0

    def pseudonym(self, id: str) -> str:
        """Return the id itself if it is the person's, otherwise person- and 16 hexadecimal digits."""
        if id == self._subject:
            return id
        return "person-" + hmac.digest(self._key, id.encode(), "sha256").hex()[:16]

    def within(self, value: Any, others: Collection[str], key: str = "") -> Any:
        """Return a JSON value without texts that may name somebody, and with pseudonyms instead of the ids of `others`.

        Numbers, booleans, times and ids stay; a text stays under a key whose values are words of the schema.
        """
        if isinstance(value, dict):
            # A key may be an id as well.
            return {self.in_text(name, others): self.within(inside, others, name) for name, inside in value.items()}
        if isinstance(value, list):
            return [self.within(inside, others, key) for inside in value]
        if not isinstance(value, str) or _TIME.fullmatch(value):
            return value
        if _UUID.fullmatch(value):
            return self.in_text(value, others)
        if key in _WORDS and re.fullmatch(r"[a-z0-9_.-]{1,40}", value):
            return value
        self.left_out += 1
        return LEFT_OUT

    def in_text(self, text: str, others: Collection[str]) -> str:
        """Return a text with pseudonyms instead of the ids of `others`."""
        return _UUID.sub(lambda found: self.pseudonym(found[0].lower()) if found[0].lower() in others else found[0], text)
