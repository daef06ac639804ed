"""Rules about rights: functions that act as their owner, rights for everybody, protections that are turned off."""

from collections.abc import Iterator
from typing import Any

from chatschema import nodes
from chatschema.lint.known import Known
from chatschema.lint.subject import Subject
from chatschema.lint.syntax import Step
from chatschema.lint.values import Hit

_PUBLIC = 5  # ROLESPEC_PUBLIC
_PATH = "set search_path = pg_catalog, pg_temp, and write names with their schema"
_ROLES = ("create_role_stmt", "alter_role_stmt")


def check(subject: Subject, step: Step, state: Known) -> Iterator[Hit]:  # noqa: ARG001  # all checks are called alike
    """Yield the hits of a statement about rights."""
    if step.kind in ("create_function_stmt", "alter_function_stmt"):
        yield from _function(step)
    elif step.kind == "grant_stmt" and step.node.is_grant:
        yield from _granted(step, step.node)
    elif step.kind == "alter_default_privileges_stmt" and step.node.action.is_grant:
        yield from _granted(step, step.node.action)
    elif step.kind == "alter_table_stmt":
        for one in step.node.cmds:
            yield from _turned_off(subject, step, one.alter_table_cmd)
    elif step.kind in _ROLES:
        yield from _role(step)


def _function(step: Step) -> Iterator[Hit]:
    options = step.node.options if step.kind == "create_function_stmt" else step.node.actions
    is_definer = nodes.is_on(options, "security")
    paths = [one.def_elem.arg.variable_set_stmt for one in options if one.def_elem.defname == "set"]
    is_set = any(path.name == "search_path" and path.kind in (1, 3) for path in paths)
    is_reset = any((path.name == "search_path" and path.kind in (2, 5)) or path.kind == 6 for path in paths)
    if (is_definer and not is_set) or is_reset:
        text = "a function with security definer and no search_path of its own runs whatever the caller's search_path finds"
        yield Hit("search-path", step.line, text, _PATH)


def _granted(step: Step, node: Any) -> Iterator[Hit]:
    if any(one.role_spec.roletype == _PUBLIC for one in node.grantees):
        yield Hit(
            "grant-public", step.line, "a right is granted to public, which is every role of the server", "grant it to a role"
        )


def _turned_off(subject: Subject, step: Step, command: Any) -> Iterator[Hit]:
    action, table = nodes.action(command), nodes.relation(step.node.relation)
    name = nodes.text(table)
    if action in ("DisableTrig", "DisableTrigAll", "DisableTrigUser") and not _is_turned_on(subject, step, command):
        text = f"a trigger of {name} is turned off, and with it what it guarantees"
        yield Hit("turned-off", step.line, text, "turn it on again in the same file", table)
    elif action in ("DisableRowSecurity", "NoForceRowSecurity"):
        text = f"row level security of {name} is turned off: each role with a right on it sees all rows"
        yield Hit("turned-off", step.line, text, "change the policy instead", table)
    elif action == "EnableRowSecurity":
        policies = {nodes.relation(other.node.table) for other in subject.apply.steps if other.kind == "create_policy_stmt"}
        if table not in policies and ("policy", table) not in subject.before.others:
            text = f"row level security without a policy hides all rows of {name} from everybody but its owner"
            yield Hit("no-policy", step.line, text, "create the policies in the same file", table)


def unprotected(subject: Subject) -> Iterator[Hit]:
    """Yield the new tables of the application without row level security, where the others have it."""
    if not any(kind == "policy" for kind, *_ in subject.before.others):
        return
    protected = {
        nodes.relation(step.node.relation)
        for step in subject.apply.steps
        if step.kind == "alter_table_stmt"
        for one in step.node.cmds
        if nodes.action(one.alter_table_cmd) == "EnableRowSecurity"
    }
    for step in subject.apply.steps:
        if step.kind != "create_stmt" or step.node.HasField("partbound") or step.node.relation.relpersistence == "t":
            continue
        table = nodes.relation(step.node.relation)
        if table[0] == "public" and table not in protected:
            text = f"{nodes.text(table)} has no row level security: who has a right on it sees all rows"
            fix = f"alter table {nodes.text(table)} enable row level security, with its policies, in the same file"
            yield Hit("no-row-security", step.line, text, fix, table)


def _is_turned_on(subject: Subject, step: Step, command: Any) -> bool:
    wanted = nodes.action(command).replace("Disable", "Enable")
    for other in subject.apply.steps:
        if other.kind == "alter_table_stmt" and nodes.relation(other.node.relation) == nodes.relation(step.node.relation):
            for one in other.node.cmds:
                if nodes.action(one.alter_table_cmd) == wanted and one.alter_table_cmd.name == command.name:
                    return True
    return False


def _role(step: Step) -> Iterator[Hit]:
    if (password := nodes.option(step.node.options, "password")) is not None and nodes.kind_of(password.arg) == "string":
        text = "a password in a migration is in the repository, in the server's log and in every backup"
        yield Hit("password", step.line, text, "create the role without it, and set the password by hand: \\password in psql")
    if nodes.is_on(step.node.options, "superuser"):
        yield Hit("superuser", step.line, "a superuser passes every right and every policy", "grant the rights that the role needs")
