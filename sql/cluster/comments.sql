-- comments: those of constraints, indexes, triggers and policies that were dropped and are there again under their names.
-- Why: they are part of the schema. What a distributed database does not have keeps its comment in chatschema.before_cluster.
do $comments$
declare
    one record;
begin
    for one in select b.statement from chatschema.before_cluster as b where b.kind = 'comment' and b.object ~ '^(constraint|index|trigger|policy) ' order by b.position loop
        begin
            execute one.statement;
        exception when undefined_object or undefined_table then
            null;
        end;
    end loop;
end
$comments$;
