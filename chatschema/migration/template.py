"""New migration files, header filled in."""

import re
from datetime import datetime
from pathlib import Path

from chatschema.errors import UsageError

_APPLY = """\
-- {object}: {sentence}.
-- Why: what it is for, in a sentence a reviewer can check.
-- Risk: which locks it takes, on which tables, for how long.

"""
_ROLLBACK = """\
-- Takes {id} back, in reverse order.

"""


def write_migration(folder: Path, name: str, now: datetime) -> tuple[Path, Path]:
    """Write NAME's pair of files, numbered after every other, and return their paths.

    Raises UsageError when the name is not verb_object in ASCII.
    """
    slug = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)+", slug) or not name.isascii():
        raise UsageError(
            f"{name!r} does not say what the migration does", "name it verb_object: chatschema new migration add_messages_pin"
        )
    numbers = [int(path.name[:14]) for path in folder.glob("*.sql") if re.match(r"\d{14}_", path.name)]
    number = max([int(now.strftime("%Y%m%d%H%M%S")), *(number + 1 for number in numbers)])
    id = f"{number:014}_{slug}"
    verb, _, subject = slug.partition("_")
    paths = folder / f"{id}.sql", folder / f"{id}.rollback.sql"
    folder.mkdir(parents=True, exist_ok=True)
    paths[0].write_text(_APPLY.format(object=subject, sentence=f"{verb} {subject.replace('_', ' ')}"), "utf-8")
    paths[1].write_text(_ROLLBACK.format(id=id), "utf-8")
    return paths
