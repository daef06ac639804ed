drop table chatschema.deferred_erasures;
