"""Daily partitions, where chatschema makes monthly ones: many of them, and off its grid."""

from tests.support.database import Database

_DAYS = """
    do $$
    declare
        day timestamptz;
        t text;
    begin
        for n in 1..{count} loop
            day := date_trunc('month', now(), 'UTC') - n * interval '1 day';
            foreach t in array array['messages', 'message_statuses'] loop
                execute format('create table chat_partitions.%I partition of public.%I for values from (%L) to (%L)',
                    t || '_d' || to_char(day at time zone 'UTC', 'YYYYMMDD'), t,
                    chatschema.uuid7_floor(day), chatschema.uuid7_floor(day + interval '1 day'));
            end loop;
            -- One transaction for all of them would need more locks than the server has room for.
            if n % 100 = 0 then
                commit;
            end if;
        end loop;
    end $$
"""


def make_days(database: Database, count: int) -> None:
    """Attach `count` days before the current month to both tables, and analyze."""
    database.run(_DAYS.format(count=count))
