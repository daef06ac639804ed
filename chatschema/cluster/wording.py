"""Reason and advice for each obstacle in a statement, in Citus's own words where it answers with an error."""

_CO_LOCATED = "complex joins are only supported when all distributed tables are co-located and joined on their distribution columns"

# The reason, and what to do, by code.
WORDS = {
    "local-join": (
        (
            "joins {tables} with {others}, which stays on the coordinator: the rows of one side are sent to the other; in a"
            " subquery, direct joins between distributed and local tables are not supported"
        ),
        "read one of the two first, in a query of its own or in a WITH ... AS MATERIALIZED",
    ),
    "locking": (
        "FOR UPDATE over all conversations: could not run distributed query with FOR UPDATE/SHARE commands",
        "lock rows of one conversation at a time (conversation_id = $1), or change them in one statement without locking first",
    ),
    "join": (
        "joins {tables} without comparing their conversation_id: " + _CO_LOCATED,
        "add conversation_id to the join, and compare it with a value",
    ),
    "no-conversation": (
        "reads {tables} without conversation_id: every shard is asked, which took 30 times as long as on one server",
        "add conversation_id = $n to WHERE (id = $n for conversations); for the list of a user: chatschema.user_conversations",
    ),
    "direct-id": (
        "inserts a direct conversation without its id: there it has to be that of the pair, or two shards may have one each",
        "give id: chatschema.direct_id(direct_user_low, direct_user_high); or call chatschema.create_conversation()",
    ),
    "insert": (
        "inserts into {tables} without {key}: cannot perform an INSERT without a partition column value",
        "give {key}: the trigger that fills it would run on the shard",
    ),
    "values": (
        "a subquery over a distributed table in VALUES: subqueries are not supported within INSERT queries",
        "write it as insert ... select, or read the value first",
    ),
    "conflict": (
        (
            "on conflict ({target}) on {tables}: there is no unique or exclusion constraint matching the ON CONFLICT specification,"
            " as every key has the partition column there"
        ),
        "after distributing: {wanted}",
    ),
    "upsert": (
        (
            "{function}() in DO UPDATE SET: functions used in the DO UPDATE SET clause of INSERTs on distributed tables must be"
            " marked IMMUTABLE"
        ),
        "give the value in the row, and write excluded.COLUMN",
    ),
    "moved-row": (
        "sets {key}: modifying the partition value of rows is not allowed",
        "delete the row, and insert it for the other conversation",
    ),
    "volatile": (
        "{function}() is VOLATILE: functions used in UPDATE queries on distributed tables must not be VOLATILE",
        "compute the value first, and give it as a parameter",
    ),
    "stable": (
        "{function}() of a column: STABLE functions used in UPDATE queries cannot be called with column references",
        "compute the value first, and give it as a parameter",
    ),
}
