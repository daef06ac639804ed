"""Migrate a database, fill it with demo data, and print what its health report finds: python examples/health.py URL."""

import sys

from chatschema import task
from chatschema.errors import ChatschemaError

try:
    migrated = task.migrate(sys.argv[1], on_event=lambda event: print(event.message, file=sys.stderr))
    seeded = task.seed(sys.argv[1])
    print(f"{len(migrated.applied)} migrations, {sum(one.rows for one in seeded)} rows")
    for result in task.report(sys.argv[1]).results:
        for finding in result.findings:
            print(f"{finding.severity}: {result.report}.{finding.check}: {finding.message}")
except ChatschemaError as error:
    sys.exit(f"{error.message}\n{error.hint or ''}")
