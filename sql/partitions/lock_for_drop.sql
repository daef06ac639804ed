-- lock_for_drop: nobody reads or writes a detached month from here to its end.
-- Why: what is compared in this transaction is what is dropped in it.
lock table {partition} in access exclusive mode
