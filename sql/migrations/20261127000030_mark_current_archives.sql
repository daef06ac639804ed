-- retired_months: whether the recorded archive is known to hold the rows of its month.
-- Why: the record of an archive was cleared when it was not compared with the rows dropped, so a good archive could not be found.
-- Risk: adds a column with a constant default; locks the table for a moment and does not read it.
alter table chatschema.retired_months add column archive_is_current boolean not null default true;

comment on column chatschema.retired_months.archive_is_current is
    'False if rows may have changed after the archive was written: restore then requires --force. Without an archive it has no meaning.';
