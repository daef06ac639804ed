-- functions: types are looked up in the catalog first, also by functions of the release before.
-- Why: with an empty search_path a temporary type of the caller comes first, and its checks would run as the owner.
-- Risk: changes settings of functions; takes no lock on data.
alter function chatschema.require_message() set search_path = pg_catalog, pg_temp;
alter function chatschema.record_erasure() set search_path = pg_catalog, pg_temp;
