"""Functions in their form for shards are those of one server, changed where a shard needs it: a change there needs a change here."""

import os

from chatschema.cluster.distribute import script
from tests.support.database import Database
from tests.support.golden import FOLDER

BASED_ON = FOLDER / "cluster_forms.txt"


def test_a_function_that_changed_has_its_form_looked_at(migrated: Database) -> None:
    """If you change one of these functions, change its form in sql/cluster/forms too, then run make golden."""
    found = migrated.all(
        "select p.proname, md5(p.prosrc) from pg_proc as p where p.pronamespace = 'chatschema'::regnamespace"
        f" and p.proname = any (array{script.replaced()}) order by 1, 2"
    )
    text = "".join(f"{name} {digest}\n" for name, digest in found)
    if os.environ.get("CHATSCHEMA_WRITE_GOLDEN"):
        BASED_ON.write_text(text, "utf-8")
    assert text == BASED_ON.read_text("utf-8")
