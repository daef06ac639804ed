-- create_bare: a month's table without its keys and indexes, for rows that are stored before these are built.
-- Why: building an index over all rows of a month takes a fraction of the time of adding them one by one.
create table {partition} (like {parent} including all excluding indexes excluding comments)
