"""What is compared: grants, policies and memberships of the groups, and the findings."""

from dataclasses import dataclass
from typing import Literal

# The groups, in the order in which they are created: the owner before its members.
GROUPS = ("owner", "migrator", "app", "worker", "readonly", "auditor", "privacy")
# Logins of these are applications and people: row policies and grants must restrict them.
RESTRICTED = ("app", "worker", "readonly", "auditor", "privacy")
PUBLIC = "public"

Class = Literal["table", "function", "schema"]


@dataclass(frozen=True, slots=True, order=True)
class Grant:
    """A privilege of a role on an object, or on one of its columns; `role` is "public" or the name of a role."""

    role: str
    on: Class
    object: str
    privilege: str
    column: str = ""
    is_grantable: bool = False


@dataclass(frozen=True, slots=True)
class Policy:
    """A row policy for one role; `condition` is the text of USING, or of WITH CHECK for an insert."""

    name: str
    table: str
    command: str
    role: str
    condition: str


@dataclass(frozen=True, slots=True)
class Group:
    """A group as its file in sql/roles/ declares it; roles are named by their group, without the prefix."""

    name: str
    title: str
    grants: tuple[Grant, ...]
    policies: tuple[Policy, ...]
    memberships: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """A difference from what is declared: its code, the object, the sentence, and the statements that correct it.

    `scope`: "cluster" and "database" are what `roles apply` runs, "dba" is for somebody to decide.
    """

    code: str
    object: str
    message: str
    statements: tuple[str, ...]
    scope: Literal["cluster", "database", "dba"]
