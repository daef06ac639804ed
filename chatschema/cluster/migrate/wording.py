"""What to type instead of a statement that Citus refuses, by the words with which it does."""

import re

from chatschema.cluster.migrate.guarded import BACK

# Measured with Citus 13.2.2 on PostgreSQL 15: each of these was refused with these words.
_INSTEAD = (
    (
        r"not include the partition column|unique indexes on non-partition columns",
        "put conversation_id (of conversations: id) in front; what is unique over all conversations needs a reference table",
    ),
    (
        r"must be a distributed table or a reference table|relations are not colocated",
        "place the table that it refers to: -- Cluster: reference, in the header of its migration; or leave the key out",
    ),
    (r"ADD CONSTRAINT command with other subcommands", "write the constraint in a statement of its own, in a later migration"),
    (
        r"triggers are not supported|because it has triggers",
        "if its function uses only the row, or rows of its conversation: set local citus.enable_unsafe_triggers = on; before it",
    ),
    (r"SubLink|[Ss]ubqueries are not supported in policies", "let the policy compare columns of the row with a setting"),
    (r"could not create distributed plan", "write the function of the policy in PL/pgSQL, or compare with a setting"),
    (r"must not be VOLATILE", "write a value, or now(), instead of the volatile function"),
    (r"cannot be called with column references", "compute the value first, and write it"),
    (r"complex joins", "compare conversation_id of both tables"),
    (r"partition column of table .* should have a value|without a partition column value", "give conversation_id in the insert"),
    (r"identity columns|involving identity", "use default chatschema.uuid7() instead of numbers"),
    (r"DETACH PARTITION .. CONCURRENTLY", "detach months by chatschema partition retire"),
    (r"renaming constraints", "drop it, and add it under the new name"),
    (r"table as target is not allowed in MERGE", "write update, insert or delete"),
    (r"FOR UPDATE/SHARE", "lock the rows of one conversation: where conversation_id = ..."),
)


def instead(words: str) -> str:
    """Return what to do about a refusal."""
    return next(
        (do for pattern, do in _INSTEAD if re.search(pattern, words)), f"correct the file; where it runs on one server only, {BACK}"
    )
