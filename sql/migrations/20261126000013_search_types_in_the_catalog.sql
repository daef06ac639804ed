-- functions: functions of the previous release look up types in the catalog first, too.
-- Why: with an empty search_path a temporary type of the caller would be found first, and its checks would run as the owner.
-- Risk: changes settings of functions; takes no lock on data.
alter function chatschema.require_message() set search_path = pg_catalog, pg_temp;
alter function chatschema.record_erasure() set search_path = pg_catalog, pg_temp;
