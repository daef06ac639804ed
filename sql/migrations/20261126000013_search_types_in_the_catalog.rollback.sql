alter function chatschema.record_erasure() set search_path = '';
alter function chatschema.require_message() set search_path = '';
