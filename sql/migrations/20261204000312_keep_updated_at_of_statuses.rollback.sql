create or replace function chatschema.merge_status() returns trigger
    language plpgsql
as $$
begin
    if array_position('{sent,failed,delivered,read}'::text[], new.status)
        < array_position('{sent,failed,delivered,read}'::text[], old.status)
    then
        new.status := old.status;
    end if;
    -- least() ignores nulls: the first report counts, and a report that leaves a time out does not erase it.
    new.delivered_at := least(old.delivered_at, new.delivered_at);
    new.read_at := least(old.read_at, new.read_at);
    new.failed_at := least(old.failed_at, new.failed_at);
    if new.status = 'read' then
        new.read_at := coalesce(new.read_at, now());
        new.delivered_at := least(new.delivered_at, new.read_at);
    elsif new.status = 'delivered' then
        new.delivered_at := coalesce(new.delivered_at, now());
    elsif new.status = 'failed' then
        new.failed_at := coalesce(new.failed_at, now());
    end if;
    new.updated_at := now();
    return new;
end
$$;
comment on function chatschema.merge_status() is
    'Trigger: a status only rises (sent, failed, delivered, read), each time is that of the first report, and read implies delivered. Sets updated_at.';
comment on trigger message_statuses_keep_status_monotonic on public.message_statuses is
    'A late or repeated report never lowers the status or erases a time. Sets updated_at.';
