"""Sequelize 6 and pg run the specification's calls on the migrated database, unchanged."""

import json
import re
import subprocess
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from tests.support import ROOT
from tests.support.cli import clean_environment
from tests.support.database import Database
from tests.support.node import needs_node


@needs_node
def test_the_specs_calls(seeded: Database, node_modules: Path) -> None:
    done = subprocess.run(
        ["node", "spec.js"],
        cwd=node_modules,
        env=clean_environment({"DATABASE_URL": seeded.url}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)

    id = UUID(result["message"]["id"])
    assert id.version == 7
    created_at = datetime.fromisoformat(result["message"]["created_at"])
    assert abs(created_at.timestamp() * 1000 - (id.int >> 80)) < 1
    assert result["message"]["content"] == "c2VjcmV0"
    assert datetime.now(created_at.tzinfo) - created_at < timedelta(minutes=5)

    delivered, read = {"status": "delivered", "delivered": True, "read": False}, {"status": "read", "delivered": True, "read": True}
    assert result["states"] == [delivered, read, read, read]
    assert seeded.one("select count(*) from message_statuses where message_id = %s", id) == 1

    one = "select count(*) from {} t join users u on u.id = t.user_id where username = 'alice'"
    assert result["user"] == {
        "sessions": seeded.one(one.format("auth_sessions")),
        "keys": seeded.one(one.format("user_public_keys")),
        "participations": seeded.one(one.format("conversation_participants")),
    }
    everybody = "select count(*) from {} t join conversations c on c.id = t.conversation_id where title = 'Everybody'"
    assert result["conversation"] == {
        "messages": seeded.one(everybody.format("messages")),
        "participants": seeded.one(everybody.format("conversation_participants")),
    }
    assert seeded.one("select action, host(ip_address) from audit_logs where id = %s", int(result["audit"]["id"])) == (
        "message.send",
        "::ffff:127.0.0.1",
    )
    assert (result["newest"], result["page"]) == (str(id), 50)


@needs_node
def test_the_manuals_example_logs_nothing_of_the_row(seeded: Database, node_modules: Path) -> None:
    (example,) = re.findall(r"```js\n(try.*?)```", (ROOT / "docs" / "reference" / "application-errors.md").read_text(), re.DOTALL)
    address = seeded.one("select email from users where username = 'alice'")
    script = f"""
        const {{ Sequelize }} = require("sequelize");
        const sequelize = new Sequelize(process.env.DATABASE_URL, {{ dialect: "postgres", logging: false }});
        const {{ User }} = require("./models").define(sequelize);
        const input = {{ username: "alice-2", email: {json.dumps(address)} }};
        const log = {{ error: (fields, text) => console.log(JSON.stringify({{ ...fields, text }})) }};
        (async () => {{ {example} await sequelize.close(); }})();
    """
    environment = clean_environment({"DATABASE_URL": seeded.url})
    done = subprocess.run(["node", "-e", script], cwd=node_modules, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "sqlstate": "23505", "schema": "public", "table": "users", "constraint": "users_email_key", "text": "the database refused a row",
    }  # fmt: skip
