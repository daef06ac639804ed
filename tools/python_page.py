"""docs/reference/python.md: the functions of chatschema.task, their values and their errors, from their docstrings."""

import inspect
from datetime import timedelta

from chatschema import errors, task
from chatschema.task import interface

HEAD = """\
# Python interface

Generated from the docstrings of `chatschema.task`.

```python
from chatschema import task

task.migrate("postgresql://app@localhost/chat")
print(task.status("postgresql://app@localhost/chat").findings)
```

Each function takes the URL of a database, or an open psycopg connection to it, and returns a frozen value. Of a connection only
the address is used: its session and its transaction stay as they are. Nothing is printed, nothing is asked. `on_event` is called
with an `Event` for each note and each step. `examples/health.py` is a whole script.

`chatschema.toml` and `.env` in `folder` (default: the current folder) count as they do for the command; of the environment only
`CHATSCHEMA_ENV` does. `import chatschema` and `from chatschema import task` load no driver; the first call does.
"""


def text() -> str:
    """Return the page."""
    functions = [name for name in task.__all__ if inspect.isfunction(getattr(task, name))]
    parts = [HEAD, "\n## Functions\n", *(_function(name) for name in functions), "\n## Values\n"]
    parts += [_value(one) for one in _values()]
    parts += [
        "\n## Errors\n\n",
        inspect.getdoc(errors.ChatschemaError) or "",
        "\n\n| error | exit code of the command | meaning |\n|---|---|---|\n",
    ]
    parts += [_error(one) for one in vars(errors).values() if inspect.isclass(one) and issubclass(one, errors.ChatschemaError)]
    return "".join(parts)


def _function(name: str) -> str:
    function = getattr(task, name)
    parameters = inspect.signature(function).parameters.values()
    shown = ", ".join(_shown(one) for one in parameters)
    return f"\n### task.{name}\n\n```python\ntask.{name}({shown})\n```\n\n{inspect.getdoc(function)}\n"


def _shown(parameter: inspect.Parameter) -> str:
    """Return a parameter as people write it: its name, and its default where there is one."""
    name = f"*{parameter.name}" if parameter.kind is parameter.VAR_POSITIONAL else parameter.name
    if parameter.default is parameter.empty:
        return name
    return f"{name}={str(parameter.default) if isinstance(parameter.default, timedelta) else repr(parameter.default)}"


def _values() -> list[type]:
    """Return the dataclasses that the functions return, or hand to on_event."""
    names = ("Event", "Migrated", "Report", "State", "Maintained", "Seeded", "Applied", "Month", "Result", "Coverage")
    return [getattr(interface, name) for name in names]


def _value(kind: type) -> str:
    names = ", ".join(f"`{name}`" for name in inspect.signature(kind).parameters)
    return f"\n### {kind.__name__}\n\n{inspect.getdoc(kind)}\n\nFields: {names}.\n"


def _error(kind: type[errors.ChatschemaError]) -> str:
    first = (inspect.getdoc(kind) or "").splitlines()[0]
    return f"| `{kind.__name__}` | {int(kind.exit_code)} | {first} |\n"
