-- devices: tables, types and views that the labelled cases change; they exist before each case, as the nine tables do.
-- Why: the cases need columns of types that the nine tables do not have.
-- Risk: new objects only.
create type public.mood as enum ('calm', 'cross');
create domain public.short_name as text;
create table public.devices (
    id          integer      not null generated always as identity,
    name        varchar(40)  not null,
    nick        public.short_name,
    label       text,
    mood        public.mood,
    code        text,
    price       numeric(10, 2),
    seen_at     timestamp,
    owner_id    uuid,
    present     text,
    hoped       text,
    constraint devices_pkey primary key (id),
    constraint devices_name_key unique (name),
    constraint devices_present_check check (present is not null)
);
alter table public.devices add constraint devices_hoped_check check (hoped is not null) not valid;
create unique index devices_code_idx on public.devices (code);
create index devices_label_idx on public.devices (label);
create table public.readings (
    id          uuid         not null,
    device_id   integer      not null,
    taken_at    timestamptz  not null,
    constraint readings_pkey primary key (id, taken_at)
) partition by range (taken_at);
create index readings_device_id_idx on public.readings (device_id);
create table public.old_readings (
    id          uuid         not null,
    device_id   integer      not null,
    taken_at    timestamptz  not null
);
create view public.device_names as select owner_id, mood from public.devices;
create materialized view public.device_counts as select owner_id, count(*) from public.devices group by owner_id;
create unique index device_counts_owner_id_idx on public.device_counts (owner_id);
create function public.next_code() returns text
    language plpgsql
as $$ begin return 'code' || random(); end $$;
create function public.device_changed() returns trigger
    language plpgsql
as $$ begin return new; end $$;
create trigger devices_changed before update on public.devices for each row execute function public.device_changed();
