"""The files of seeds/: finding, choosing and writing seeders. Those of a team's own folder may need those that come along."""

import ast
import difflib
import importlib.util
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from chatschema import assets
from chatschema.errors import ChatschemaError, UsageError
from chatschema.postgres import refusal
from chatschema.seed.world import World

_NEEDS = re.compile(r"NEEDS\b[^=]*= ")
_FILE = re.compile(r"\d{2}_([a-z][a-z0-9_]*)\.py")


@dataclass(frozen=True, slots=True)
class Seeder:
    """A file of seeds/: its table, the seeders that must run before it, and its function."""

    name: str
    title: str
    needs: tuple[str, ...]
    run: Callable[[World], None]


def titles(folder: Path) -> dict[str, str]:
    """Return names and first sentences in their order, without running the files, so that a broken seeder is listed too."""
    used = _used(folder)
    own, shipped = _read(used), _read(assets.seeds_dir()) if used != assets.seeds_dir() else {}
    order = _order({name: needs for name, (_, needs) in own.items()}, {name: needs for name, (_, needs) in shipped.items()})
    known = {**shipped, **own}
    return {name: known[name][0] for name in order}


def _read(folder: Path) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Return the first sentence and the needs of each seeder, as far as they can be read."""
    result = {}
    for path in sorted(folder.glob("*.py")):
        if match := _FILE.fullmatch(path.name):
            with suppress(SyntaxError, UnicodeDecodeError):
                module = ast.parse(path.read_text("utf-8"))
                title = (ast.get_docstring(module) or "").partition("\n")[0]
                result[match[1]] = title, _needs(module)
    return result


def _needs(module: ast.Module) -> tuple[str, ...]:
    for node in module.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value and _NEEDS.match(ast.unparse(node)):
            with suppress(ValueError, TypeError):
                return tuple(str(one) for one in ast.literal_eval(node.value))
    return ()


def _used(folder: Path) -> Path:
    """Return the folder itself, or that of the seeders that come along where it has profiles and no seeders."""
    return assets.seeds_dir() if (folder / "profiles").is_dir() and not any(folder.glob("*.py")) else folder


def _order(own: Mapping[str, Sequence[str]], shipped: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the own seeders in their order; before each, those of chatschema that it needs and the folder does not have."""
    order: list[str] = []

    def bring(names: Sequence[str]) -> None:
        for name in names:
            if name not in own and name in shipped and name not in order:
                bring(shipped[name])
                order.append(name)

    for name, needs in own.items():
        bring(needs)
        order.append(name)
    return order


def discover(folder: Path) -> list[Seeder]:
    """Return the seeders of `folder` in their order, with those of chatschema that they need and the folder does not have.

    Raises ChatschemaError when the folder is missing or empty or a file is not a seeder.
    """
    if not folder.is_dir():
        raise ChatschemaError(f"folder {folder} does not exist", "set seeds_dir in chatschema.toml", code="seed.no-folder")
    own = _loaded(_used(folder))
    if not own:
        raise ChatschemaError(f"{folder} has no seeders", "create one: chatschema new seeder NAME", code="seed.none")
    is_complete = all(need in own for seeder in own.values() for need in seeder.needs)
    shipped = {} if is_complete else _loaded(assets.seeds_dir())
    names = _order({n: one.needs for n, one in own.items()}, {n: one.needs for n, one in shipped.items()})
    seeders = [{**shipped, **own}[name] for name in names]
    for place, seeder in enumerate(seeders):
        for need in seeder.needs:
            if need not in names[:place]:
                text = f"seeder {seeder.name} needs {need}, which does not come before it"
                raise ChatschemaError(text, "renumber its file", code="seed.order")
    return seeders


def _loaded(folder: Path) -> dict[str, Seeder]:
    return {one.name: one for one in (_load(path) for path in sorted(folder.glob("*.py")) if path.name != "__init__.py")}


def name_of(path: Path) -> str:
    """Return the name of the seeder in a file: 01_users.py is users."""
    match = _FILE.fullmatch(path.name)
    if not match:
        raise ChatschemaError(f"{path.name} is not a valid name for a seeder", "name it NN_table.py", code="seed.file-name")
    return match[1]


def _load(path: Path) -> Seeder:
    name = name_of(path)
    spec = importlib.util.spec_from_file_location(f"chatschema_seed_{name}", path)
    if spec is None or spec.loader is None:
        raise ChatschemaError(f"seeder {path.name} cannot be loaded", code="seed.broken")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
        return Seeder(name, (module.__doc__ or "").strip().partition("\n")[0], tuple(module.NEEDS), module.seed)
    except Exception as error:  # noqa: BLE001  # whatever a user's file may raise
        refusal.hush(error)
        raise ChatschemaError(
            f"seeder {path.name} cannot be loaded: {type(error).__name__}: {error}",
            "a seeder has NEEDS and seed(world)",
            code="seed.broken",
        ) from None


def choose(seeders: list[Seeder], wanted: Sequence[str], *, dependents: bool = False) -> list[Seeder]:
    """Return the wanted seeders (all if none is named) with those they need, or with those that need them.

    01_users, 01-users and users.py are accepted for users. Raises UsageError for an unknown name.
    """
    names = [seeder.name for seeder in seeders]
    chosen = {_resolve(name, names) for name in wanted} or set(names)
    for seeder in seeders if dependents else reversed(seeders):
        if dependents and chosen.intersection(seeder.needs):
            chosen.add(seeder.name)
        elif not dependents and seeder.name in chosen:
            chosen.update(seeder.needs)
    return [seeder for seeder in seeders if seeder.name in chosen]


def _resolve(wanted: str, names: list[str]) -> str:
    name = re.sub(r"^\d+_|\.py$", "", wanted.strip().lower().replace("-", "_"))
    if name in names:
        return name
    near = difflib.get_close_matches(name, names, n=2)
    raise UsageError(
        f"there is no seeder {wanted}",
        f"did you mean {' or '.join(near)}?" if near else f"the seeders are: {', '.join(names)}",
        code="seed.unknown",
    )


_TEMPLATE = '''\
"""{name}: one sentence about the rows."""

from chatschema.seed import World

NEEDS: tuple[str, ...] = ()


def seed(world: World) -> None:
    """Describe the rows."""
    world.insert("{name}", [])
'''


def write_seeder(folder: Path, name: str) -> Path:
    """Write a new seeder, numbered last, and return its path. Raises UsageError for a name that cannot be one."""
    slug = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    if not re.fullmatch(r"[a-z][a-z0-9_]*", slug):
        hint = "name it after the table: chatschema new seeder reactions"
        raise UsageError(f"{name!r} is not a valid name for a seeder", hint, code="seed.name")
    folder.mkdir(parents=True, exist_ok=True)
    numbers = [int(path.name[:2]) for path in folder.glob("*.py") if _FILE.fullmatch(path.name)]
    if slug in {name_of(path) for path in folder.glob("*.py") if _FILE.fullmatch(path.name)}:
        raise UsageError(f"seeder {slug} already exists", f"run it: chatschema seed {slug}", code="seed.exists")
    path = folder / f"{max(numbers, default=0) + 1:02}_{slug}.py"
    path.write_text(_TEMPLATE.format(name=slug), "utf-8")
    return path
