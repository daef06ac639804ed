-- host_rules: rules of pg_hba.conf by which somebody may connect from another machine.
-- Why: only a superuser may read them, or whoever may execute the function.
select h.line_number, h.type, concat_ws(' ', h.address, h.netmask) as address, h.auth_method
from pg_catalog.pg_hba_file_rules() as h
where h.error is null and h.type like 'host%' and h.auth_method <> 'reject'
    and h.address !~ '^(127\.|::1$|localhost$|samehost$)'
