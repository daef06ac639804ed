"""Who the servers run as: PostgreSQL and PgBouncer refuse to run as root."""

import dataclasses
import os
import pwd
import subprocess
from pathlib import Path

# The one that `chatschema server` creates for the same reason.
_NAME = "embedded_postgres"


@dataclasses.dataclass(frozen=True, slots=True)
class Account:
    """A system user; `uid` is None for the caller."""

    uid: int | None = None
    gid: int | None = None

    def own(self, path: Path) -> None:
        """Give the user a file or an empty folder."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)

    def reach(self, path: Path) -> None:
        """Let the user pass (not list) the folders on the way to `path`."""
        if self.uid is None:
            return
        for folder in (path, *path.parents):
            mode = folder.stat().st_mode
            if not mode & 0o001:
                folder.chmod(mode | 0o001)


def of_servers() -> Account:
    """Return the account of PostgreSQL and PgBouncer, created if root has none for them."""
    if os.geteuid() != 0:
        return Account()
    try:
        found = pwd.getpwnam(_NAME)
    except KeyError:
        subprocess.run(["useradd", "--system", "--no-create-home", _NAME], check=True)
        found = pwd.getpwnam(_NAME)
    return Account(found.pw_uid, found.pw_gid)
