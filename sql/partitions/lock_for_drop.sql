-- lock_for_drop: prevents reads and writes of a detached month until the end of the transaction.
-- Why: the rows that are compared in this transaction are the rows that it drops.
lock table {partition} in access exclusive mode
