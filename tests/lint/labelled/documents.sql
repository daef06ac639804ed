-- case: ok all that a file has to say
-- users: add the plan.
-- Why: the plan decides about limits.
-- Risk: access exclusive on users for a moment.
alter table public.users add column plan text;
comment on column public.users.plan is 'What the user pays for.';

-- case: document a file without a title
-- Why: the plan decides about limits.
-- Risk: access exclusive on users for a moment.
alter table public.users add column plan text;
comment on column public.users.plan is 'What the user pays for.';

-- case: document a file without why
-- users: add the plan.
-- Risk: access exclusive on users for a moment.
alter table public.users add column plan text;
comment on column public.users.plan is 'What the user pays for.';

-- case: document a file without risk
-- users: add the plan.
-- Why: the plan decides about limits.
alter table public.users add column plan text;
comment on column public.users.plan is 'What the user pays for.';

-- case: document a file without any header
alter table public.users add column plan text;
comment on column public.users.plan is 'What the user pays for.';

-- case: document a text that was never written
-- users: add the plan.
-- Why: TODO why the change is needed.
-- Risk: access exclusive on users for a moment.
alter table public.users add column plan text;
comment on column public.users.plan is 'What the user pays for.';

-- case: document a column without a comment
-- users: add the plan.
-- Why: the plan decides about limits.
-- Risk: access exclusive on users for a moment.
alter table public.users add column plan text;

-- case: document a table without a comment
-- plans: a plan, one row a plan.
-- Why: the plan decides about limits.
-- Risk: new table.
create table public.plans (name text not null, constraint plans_pkey primary key (name));
comment on column public.plans.name is 'What it is called.';

-- case: document a table whose column has no comment
-- plans: a plan, one row a plan.
-- Why: the plan decides about limits.
-- Risk: new table.
create table public.plans (name text not null, price integer, constraint plans_pkey primary key (name));
comment on table public.plans is 'A plan, one row a plan.';
comment on column public.plans.name is 'What it is called.';

-- case: ok a table with its comments
-- plans: a plan, one row a plan.
-- Why: the plan decides about limits.
-- Risk: new table.
create table public.plans (name text not null, constraint plans_pkey primary key (name));
comment on table public.plans is 'A plan, one row a plan.';
comment on column public.plans.name is 'What it is called.';

-- case: document a function without a comment
-- functions: the newest code.
-- Why: codes are asked for by name.
-- Risk: new function.
create function public.newest() returns text language sql as $$ select 'code' $$;

-- case: ok a function with its comment
-- functions: the newest code.
-- Why: codes are asked for by name.
-- Risk: new function.
create function public.newest() returns text language sql as $$ select 'code' $$;
comment on function public.newest() is 'The newest code.';

-- case: document an index without the query that it serves
-- devices: index on the owner.
-- Why: the list of devices of a user.
-- Risk: none that others notice.
-- online: index
create index idx_devices_owner_id on public.devices (owner_id);

-- case: ok an index with the query that it serves
-- devices: index on the owner.
-- Why: the list of devices of a user.
-- Risk: none that others notice.
-- online: index
create index idx_devices_owner_id on public.devices (owner_id);
comment on index public.idx_devices_owner_id is 'Devices of a user: where owner_id = $1.';

-- case: document a constraint without a name
-- devices: codes are not empty.
-- Why: an empty code is a missing one.
-- Risk: access exclusive on devices for a moment.
alter table public.devices add check (code <> '') not valid;

-- case: document a primary key without a name
-- plans: a plan, one row a plan.
-- Why: the plan decides about limits.
-- Risk: new table.
create table public.plans (name text primary key);
comment on table public.plans is 'A plan, one row a plan.';
comment on column public.plans.name is 'What it is called.';

-- case: document a reference without a name
-- pins: a pinned conversation.
-- Why: pins stand above all others.
-- Risk: new table; writes to users wait for a moment.
create table public.pins (user_id uuid not null references public.users (id));
comment on table public.pins is 'A pinned conversation.';
comment on column public.pins.user_id is 'Who pinned it.';

-- case: document a view without a comment
-- guests: users without an address.
-- Why: they are counted apart.
-- Risk: new view.
create view public.guests as select id from public.users where email is null;

-- case: ok a view with its comment
-- guests: users without an address.
-- Why: they are counted apart.
-- Risk: new view.
create view public.guests as select id from public.users where email is null;
comment on view public.guests is 'Users without an address.';

-- case: document an empty comment
-- users: add the plan.
-- Why: the plan decides about limits.
-- Risk: access exclusive on users for a moment.
alter table public.users add column plan text;
comment on column public.users.plan is '';
