-- drain: the rest of the outbox goes to the trail, the events and the deferred erasures.
-- Why: the outbox goes with the cluster, and its rows are evidence.
do $drain$
begin
    while chatschema.relay(1000) > 0 loop
    end loop;
end
$drain$;
