-- put_back: runs the saved statements of {kinds}, in their order.
-- Why: what distribute dropped comes back as it was.
do $put_back$
declare
    one record;
begin
    for one in select b.kind, b.statement from chatschema.before_cluster as b where b.kind = any ({kinds}::text[]) and b.object <> all ({but}::text[]) order by b.position loop
        begin
            execute one.statement;
        exception when undefined_object or undefined_table or undefined_column then
            -- A migration may have dropped what a comment was about.
            if one.kind <> 'comment' then
                raise;
            end if;
        end;
    end loop;
end
$put_back$;
