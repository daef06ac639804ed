"""SQL that sets every session to fixed settings, so that those of a role, a database or the environment change no result."""

from typing import LiteralString

# First and alone: it takes no snapshot, and a deferrable transaction may have to wait for one.
# A timeout of the role is in force until the first statement has finished.
ISOLATION: LiteralString = """
    set statement_timeout = 0;
    set session characteristics as transaction isolation level read committed, not deferrable /* chatschema */
"""
# A server that does not know a name is too old to have it. Equal settings are not set again: some of them need a privilege.
SETTINGS: LiteralString = """
    select set_config(p.name, p.value, false)
    from (
        values
            -- which rows a statement sees, and whether it waits for a snapshot
            ('default_transaction_isolation', 'read committed'), ('default_transaction_deferrable', 'off'),
            -- the text form of values, as input and as output
            ('client_encoding', 'UTF8'), ('search_path', 'public'), ('standard_conforming_strings', 'on'), ('array_nulls', 'on'),
            ('backslash_quote', 'safe_encoding'), ('transform_null_equals', 'off'), ('datestyle', 'ISO, MDY'), ('timezone', 'UTC'),
            ('intervalstyle', 'postgres'), ('bytea_output', 'hex'), ('extra_float_digits', '1'), ('xmloption', 'content'),
            ('quote_all_identifiers', 'off'), ('client_min_messages', 'notice'),
            -- which rows are visible: content.pin() asks for an error where a policy would hide some
            ('row_security', 'on'), ('restrict_nonsystem_relation_kind', ''), ('plpgsql.variable_conflict', 'error'),
            -- timeouts, and that an error does not end the session
            ('lock_timeout', '0'), ('statement_timeout', '0'), ('transaction_timeout', '0'),
            ('idle_in_transaction_session_timeout', '0'), ('idle_session_timeout', '0'), ('client_connection_check_interval', '1s'),
            ('exit_on_error', 'off')
    ) as p (name, value)
    where current_setting(p.name, true) <> p.value
    union all
    -- A commit that was reported survives a crash; a stronger setting stays.
    select set_config('synchronous_commit', 'on', false) where current_setting('synchronous_commit') = 'off' /* chatschema */
"""
# With replica no trigger fires and no foreign key is checked. Only a superuser may change or reset it.
TRIGGERS: LiteralString = """
    select set_config('session_replication_role', 'origin', false)
    where current_setting('session_replication_role') <> 'origin' /* chatschema */
"""
# The settings of the role and the database are in force between `reset all` and the end. The timer of statement_timeout starts
# with a statement, so this is one statement; that of transaction_timeout when the setting changes, unless it runs already.
RESET: LiteralString = f"""
    reset session authorization; reset role;
    do $reset$ begin
        perform set_config('transaction_timeout', '1h', false) where current_setting('transaction_timeout', true) is not null;
        reset all;
        execute $pin${SETTINGS}$pin$;
        execute $pin${TRIGGERS}$pin$;
    end $reset$ /* chatschema */
"""
