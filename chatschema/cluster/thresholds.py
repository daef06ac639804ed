"""From which number on a step is due. docs/how-to/scale-out.md has the same table, with the sources.

Measured on PostgreSQL 15 with this schema: a message takes 440 bytes with its indexes (150 of them ciphertext), a status 220. So a
month of 10 million messages with five statuses each is 15 GB, of 100 million 150 GB, of 1,000 million 1.5 TB. These are the rows of
the table of designs; a step is due halfway between two of them on a logarithmic scale, which is 3.16 times the smaller.
"""

GB = 1 << 30

# Between the rows of 10 and of 100 million messages a month: from here on one server has replicas for reading pages.
REPLICA_MESSAGES = 31_600_000
# Or as many statements at once on average, whatever they do: half of a server with four cores. Chosen, not measured.
REPLICA_BUSY = 2.0
# A replica does nothing about writes, which it has to replay. Below one half it takes over less than it costs. Chosen.
REPLICA_READS = 0.5

# Between the rows of 100 and of 1,000 million messages a month: 120 messages and 600 statuses a second, at peak five times that.
CITUS_MESSAGES = 316_000_000
# The same as rows a month, for a chat with more statuses: a message and its five statuses.
CITUS_ROWS = 6 * CITUS_MESSAGES

# The statuses of REPLICA_MESSAGES at five a message.
STATUS_ROWS_PER_S = 60.0
# Below this, most statements write a single status. Chosen.
STATUS_ROWS_PER_STATEMENT = 2.0

# The row of 10 million messages a month. Without retention it is 180 GB after a year.
RETENTION_BYTES_A_MONTH = 15 * GB
RETENTION_BYTES = 12 * RETENTION_BYTES_A_MONTH

# 440 MB of messages: a count or a search in it without a bound reads all of them. Chosen.
LARGE_CONVERSATION = 1_000_000

# As in the report on the cache: critical below this percentage, and no verdict on fewer block reads.
CACHE_HIT_PCT = 95.0
CACHE_BLOCKS = 1_000_000

# A rate needs this many seconds of statistics.
OBSERVED_S = 3600.0
