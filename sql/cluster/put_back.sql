-- put_back: runs the saved statements of {kinds}, in their order.
-- Why: what distribute dropped comes back as it was.
do $put_back$
declare
    one record;
begin
    for one in select b.statement from chatschema.before_cluster as b where b.kind = any ({kinds}::text[]) and b.object <> all ({but}::text[]) order by b.position loop
        execute one.statement;
    end loop;
end
$put_back$;
