"""Run the command line, and die, or kill the server, at its Nth step: a statement that writes, or a change on disk.

python -m tests.support.killed N (before|during|server|count) ARGUMENTS...
"""

import os
import re
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from chatschema import postgres
from chatschema.cli import main
from chatschema.postgres.pipeline import Pipeline

UNCOUNTED = r"(?:--.*\n|\s)*(?:select|set|reset|lock)\b"
NTH, MODE = int(sys.argv[1]), sys.argv[2]
steps = 0


def step(connection: Any = None) -> None:
    global steps  # noqa: PLW0603  # one number for the process
    steps += 1
    if steps != NTH:
        return
    if MODE == "before" or (MODE == "during" and connection is None):
        os.kill(os.getpid(), signal.SIGKILL)
    if MODE == "during":
        threading.Timer(0.002, os.kill, (os.getpid(), signal.SIGKILL)).start()
    if MODE == "server" and connection is not None:
        os.kill(connection.info.backend_pid, signal.SIGKILL)


def counted(function: Any) -> Any:
    def run(connection: Any, query: Any, *rest: Any) -> Any:
        text = query if isinstance(query, str) else query.as_string(connection)
        if not re.match(UNCOUNTED, text):
            step(connection)
        return function(connection, query, *rest)

    return run


def counted_in_pipeline(function: Any) -> Any:
    def run(pipeline: Any, text: str, label: Any) -> Any:
        if not re.match(UNCOUNTED, text):
            step(pipeline._connection)
        return function(pipeline, text, label)

    return run


def counted_on_disk(function: Any) -> Any:
    def run(*arguments: Any, **options: Any) -> Any:
        step()
        return function(*arguments, **options)

    return run


postgres.execute = counted(postgres.execute)
postgres.execute_text = counted(postgres.execute_text)
Pipeline.send = counted_in_pipeline(Pipeline.send)  # type: ignore[method-assign]
Path.rename = counted_on_disk(Path.rename)  # type: ignore[method-assign]
os.fsync = counted_on_disk(os.fsync)
sys.argv = ["chatschema", *sys.argv[3:]]
try:
    main()
finally:
    if MODE == "count":
        sys.stderr.write(f"\nsteps: {steps}\n")
