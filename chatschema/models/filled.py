"""Which columns triggers fill: no catalog has it, so the comment of a column says it. A test compares that with the functions."""

import re
from typing import Literal

# In the comment of a column. The first: a trigger fills it where it is left out. The others: whatever is sent is replaced.
IF_LEFT_OUT = "set by a trigger if left out"
ALWAYS = ("set by a trigger", "cannot be chosen")
# Those of chatschema whose comments do not say it.
REPLACED = {"audit_logs": ("txid", "pii_salt", "pii_digest")}
_ALWAYS = re.compile(rf"\b(?:{'|'.join(ALWAYS)})\b(?! if\b)", re.IGNORECASE)


def filled(table: str, column: str, comment: str) -> Literal["", "if left out", "always"]:
    """Return whether triggers fill a column: not, if it is left out, or always."""
    if IF_LEFT_OUT in comment.lower():
        return "if left out"
    return "always" if column in REPLACED.get(table, ()) or _ALWAYS.search(comment) else ""
