-- functions: triggers for each month, because a statement trigger fires only for the table that the statement names.
-- Why: a statement on a month would bypass the triggers of its parent.
-- Risk: new functions only; takes no lock on existing data.
create function chatschema.require_owner() returns trigger
    language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
    if pg_has_role(current_user, (select c.relowner from pg_catalog.pg_class as c where c.oid = tg_relid), 'usage') then
        return null;
    end if;
    -- A truncate of the parent fires the triggers of each month, and no policy covers it.
    if tg_op <> 'TRUNCATE' or not exists (
        select from pg_catalog.pg_inherits as i
        where i.inhrelid = tg_relid and has_table_privilege(current_user, i.inhparent, 'truncate')
    ) then
        raise exception 'table % is a month; only its owner may write to it directly', tg_relid::regclass
            using errcode = 'insufficient_privilege', hint = 'Write to public.messages or public.message_statuses.';
    end if;
    return null;
end
$$;
comment on function chatschema.require_owner() is
    'Trigger: policies and grants of a parent do not cover a month, so only the owner may write to one directly. A role that may truncate the parent may truncate a month.';

create function chatschema.refuse_truncate_of_held() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    if chatschema.has_active_hold() then
        raise exception 'truncate of % is refused while a hold is active', tg_relid::regclass
            using errcode = 'integrity_constraint_violation', hint = 'List the holds: chatschema hold list.';
    end if;
    return null;
end
$$;
comment on function chatschema.refuse_truncate_of_held() is
    'Trigger: refuses to truncate a table that may have rows under a hold.';

create function chatschema.refuse_delete_of_held_statuses() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    held uuid;
begin
    if not exists (select from gone) then
        return null;
    end if;
    if not chatschema.has_active_hold() then
        return null;
    end if;
    -- If the statuses are deleted with their message, the message is not found, and it was not held.
    execute format($query$
        select m.id from gone as g join public.messages as m on m.id = g.message_id
        where m.id between %L and %L and chatschema.is_held(m.conversation_id, m.sender_id, m.id) limit 1
    $query$, (select g.message_id from gone as g order by g.message_id limit 1),
        (select g.message_id from gone as g order by g.message_id desc limit 1)) into held;
    if held is not null then
        raise exception 'a status of message %, which is under a hold, cannot be deleted', held
            using errcode = 'integrity_constraint_violation', schema = 'public', table = 'message_statuses',
            hint = 'List the holds: chatschema hold list.';
    end if;
    return null;
end
$$;
comment on function chatschema.refuse_delete_of_held_statuses() is 'Trigger: the statuses and reactions of a held message are held with it.';

-- A statement trigger of the parent does not fire for a statement on a month, so each month has its own.
create function chatschema.guard_month(month regclass) returns void
    language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
    parent constant regclass := (select i.inhparent from pg_catalog.pg_inherits as i where i.inhrelid = month);
begin
    if exists (select from pg_catalog.pg_trigger as t where t.tgrelid = month and t.tgname = 'month_require_owner') then
        return;
    end if;
    execute format(
        'create trigger month_require_owner before insert or update or delete or truncate on %s '
        'for each statement execute function chatschema.require_owner()', month);
    execute format(
        'create trigger month_refuse_truncate_of_held before truncate on %s '
        'for each statement execute function chatschema.refuse_truncate_of_held()', month);
    if parent = 'public.messages'::regclass then
        execute format(
            'create trigger month_require_read_committed before delete or truncate on %s '
            'for each statement execute function chatschema.require_read_committed()', month);
        execute format(
            'create trigger month_remove_references after delete on %s referencing old table as gone '
            'for each statement execute function chatschema.remove_references()', month);
        execute format(
            'create trigger month_remove_references_of_truncated after truncate on %s '
            'for each statement execute function chatschema.remove_references_of_truncated()', month);
    elsif parent = 'public.message_statuses'::regclass then
        execute format(
            'create trigger month_require_messages after insert on %s referencing new table as added '
            'for each statement execute function chatschema.require_messages()', month);
        execute format(
            'create trigger month_refuse_delete_of_held after delete on %s referencing old table as gone '
            'for each statement execute function chatschema.refuse_delete_of_held_statuses()', month);
    end if;
end
$$;
comment on function chatschema.guard_month(regclass) is
    'Creates the statement triggers of its parent on an attached month, for statements that name the month itself. Does nothing if it has them.';

-- With EXECUTE, anyone could attach these SECURITY DEFINER functions to their own table and write as the owner.
revoke execute on function
    chatschema.refuse_truncate_of_held(), chatschema.refuse_delete_of_held_statuses(), chatschema.guard_month(regclass)
    from public;
