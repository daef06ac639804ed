drop table chatschema.applied_roles;
