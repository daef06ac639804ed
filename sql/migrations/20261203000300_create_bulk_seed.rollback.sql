-- Undoes 20261203000300_create_bulk_seed. A bulk seed can no longer be continued or removed.
drop table chatschema.bulk_owners;
drop table chatschema.bulk_months;
drop table chatschema.bulk_seed;
