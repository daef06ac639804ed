alter table chatschema.retired_months drop column archive_is_current;
