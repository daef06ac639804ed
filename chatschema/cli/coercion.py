"""Values of options without pydantic. Typer loads it even for options that are not given, which takes as long as connecting."""

from collections.abc import Callable
from typing import Any

from typer.core import TyperArgument, TyperOption


class Coercion:
    """Converts the value of an option: unchanged where it has the right type already, otherwise by Typer."""

    def __init__(self, param: Any, typers: Callable[[Any], Any]) -> None:
        self._param, self._typers, self._type = param, typers, param.type_descriptor.annotation

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        """Return the value for the command; raises Typer's errors for an invalid one."""
        is_multiple = param.multiple or param.nargs == -1
        if value is None:
            return () if is_multiple else None
        if not is_multiple and self._type in (str, bool) and type(value) is self._type:
            return value
        if not is_multiple and self._type in (int, float) and value is param.default and type(value) in (int, float):
            return self._type(value)
        return self._typers(self._param).coerce(value, param=param, ctx=ctx)


def install() -> None:
    """Convert every option and argument here first. If Typer changes its internals, its own conversion is used."""
    for kind in (TyperOption, TyperArgument):
        typers = getattr(kind, "get_runtime_param", None)
        if typers:
            kind.get_runtime_param = lambda self, typers=typers: Coercion(self, typers)  # type: ignore[assignment,misc]
