drop table chatschema.released_attachments;
drop table chatschema.retired_months;
