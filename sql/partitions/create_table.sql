-- create_table: a month's table with everything of its parent that LIKE can copy.
-- Why: creating it apart and attaching it later takes no lock that stops readers or writers of the parent.
create table {partition} (like {parent} including all excluding comments)
