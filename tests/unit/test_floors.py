"""The house of the design: data flows one way, and each floor knows only those below it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

import iop4cli

SOURCE = Path(iop4cli.__file__).resolve().parent

FLOOR = {
    **dict.fromkeys(("archive", "science", "instruments", "frames", "remote"), 1),
    **dict.fromkeys(("export", "simulate"), 2),
    **dict.fromkeys(("shell", "pipeline"), 3),
    **dict.fromkeys(("api", "commands", "tui"), 4),
    **dict.fromkeys(("app", "__main__", "reference"), 5),
}
# Modules at the top that any floor may use; they know nothing but each other.
GROUND = {
    "__init__", "__version__", "errors", "nearest", "sexagesimal", "share", "strict_toml", "toml_lines",
    "unfinished", "full_disk",
}  # fmt: skip
# Floor 1 is where rooms are apart: what one may know of another, and why.
SIBLINGS = {
    # An aperture carries the bits of its pixels.
    ("science", "frames"): {"iop4cli.frames.quality"},
    # A fetched frame is placed by its header, or by the night of the folder it was in.
    # Whether a FITS file is whole is asked of what comes from a server, and of index files.
    ("remote", "frames"): {
        "iop4cli.frames.fits",
        "iop4cli.frames.raw",
        "iop4cli.frames.source",
        "iop4cli.frames.units",
    },
    ("archive", "frames"): {"iop4cli.frames.units"},
    ("remote", "archive"): {"iop4cli.archive.layout", "iop4cli.archive.epochs"},
    ("remote", "instruments"): {"iop4cli.instruments.headers", "iop4cli.instruments.registry"},
}
# For type checkers only: names are resolved by a registry that is handed in.
TYPED_SIBLINGS = {("archive", "instruments"): {"iop4cli.instruments.registry"}}
# `from iop4cli import Archive`: loaded when it is asked for.
NAMED_BY_THE_PACKAGE = {"iop4cli.api.archive", "iop4cli.api.functions", "iop4cli.api.run"}
# Doors open it; the others name its errors and let it parse what people ask.
DUCKDB = {
    "archive/store.py", "archive/migrations.py", "archive/asking.py", "archive/doors.py", "archive/file_door.py",
    "archive/quack.py", "archive/quack_errors.py", "archive/server_door.py", "archive/server_line.py",
    "archive/serving.py", "archive/interrupting.py",
}  # fmt: skip


@dataclass(frozen=True)
class Import:
    """One import: where it stands, what it takes, and whether only type checkers see it."""

    file: str
    line: int
    module: str
    typed: bool

    @property
    def room(self) -> str:
        return self.file.split("/")[0].removesuffix(".py")

    def __str__(self) -> str:
        return f"{self.file}:{self.line} imports {self.module}"


def own_room(module: str) -> str:
    """The room of a module of ours: `archive` for iop4cli.archive.store."""
    return (module.split(".") + ["__init__"])[1]


@cache
def trees() -> dict[str, ast.Module]:
    return {
        path.relative_to(SOURCE).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
        for path in sorted(SOURCE.rglob("*.py"))
    }


@cache
def imports() -> tuple[Import, ...]:
    """Every import of the program, those inside functions too."""
    return tuple(found for file, tree in trees().items() for found in _imports(file, tree, typed=False))


def _imports(file: str, node: ast.AST, *, typed: bool) -> Iterator[Import]:
    if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
        for child in node.body:
            yield from _imports(file, child, typed=True)
        for child in node.orelse:
            yield from _imports(file, child, typed=typed)
        return
    if isinstance(node, ast.Import):
        yield from (Import(file, node.lineno, alias.name, typed) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0, f"{file}:{node.lineno} is a relative import"
        # `from iop4cli.archive import migrations` takes a module, `from iop4cli.errors import X` a name.
        for alias in node.names:
            whole = f"{node.module}.{alias.name}"
            yield Import(file, node.lineno, whole if _is_module(whole) else str(node.module), typed)
    for child in ast.iter_child_nodes(node):
        yield from _imports(file, child, typed=typed)


def _is_module(name: str) -> bool:
    place = SOURCE.parent.joinpath(*name.split("."))
    return name.startswith("iop4cli.") and (place.is_dir() or place.with_suffix(".py").is_file())


def ours() -> list[Import]:
    """Imports of our own modules, but for the API's names in the package, which are for type checkers."""
    found = [found for found in imports() if found.module.split(".")[0] == "iop4cli"]
    return [i for i in found if not (i.file == "__init__.py" and i.typed and i.module in NAMED_BY_THE_PACKAGE)]


def calls_of(file: str) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of every name and attribute that a file speaks of."""
    for node in ast.walk(trees()[file]):
        if isinstance(node, (ast.Name, ast.Attribute)):
            yield node.lineno, ast.unparse(node)


def test_every_module_has_a_floor() -> None:
    rooms = {file.split("/")[0].removesuffix(".py") for file in trees()}
    assert rooms <= set(FLOOR) | GROUND
    assert len(imports()) > 200  # the walk sees the program at all


def test_no_floor_knows_a_higher_one() -> None:
    wrong = [
        str(found)
        for found in ours()
        if own_room(found.module) not in GROUND and FLOOR.get(found.room, 0) < FLOOR.get(own_room(found.module), 99)
    ]
    assert wrong == []


def test_the_ground_knows_only_the_ground() -> None:
    wrong = [str(i) for i in ours() if i.room in GROUND and own_room(i.module) not in GROUND]
    assert wrong == []


def test_rooms_of_the_first_floor_are_apart_but_for_a_short_list() -> None:
    wrong = []
    for found in ours():
        room = own_room(found.module)
        if FLOOR.get(found.room) != 1 or FLOOR.get(room) != 1 or room == found.room:
            continue
        allowed = set(SIBLINGS.get((found.room, room), set()))
        if found.typed:
            allowed |= TYPED_SIBLINGS.get((found.room, room), set())
        if found.module not in allowed:
            wrong.append(str(found))
    assert wrong == []


@pytest.mark.parametrize(
    ("one", "other"),
    [("shell", "pipeline"), ("pipeline", "shell"), ("export", "simulate"), ("simulate", "export")],
)
def test_rooms_of_the_middle_floors_do_not_know_each_other(one: str, other: str) -> None:
    assert [str(i) for i in ours() if i.room == one and own_room(i.module) == other] == []


def test_the_simulator_shares_no_science_with_the_reduction() -> None:
    """Else a wrong formula would be wrong on both sides and the pulls would look fine."""
    assert [str(i) for i in ours() if i.room == "simulate" and own_room(i.module) != "simulate"
            and own_room(i.module) not in GROUND] == []  # fmt: skip


def test_science_knows_neither_files_of_the_store_nor_the_command_line() -> None:
    foreign = {"duckdb", "polars", "typer", "rich", "textual"}
    wrong = [str(i) for i in imports() if i.room in {"science", "frames"} and i.module.split(".")[0] in foreign]
    assert wrong == []


def test_only_the_store_opens_the_database() -> None:
    importing = {i.file for i in imports() if i.module.split(".")[0] == "duckdb"}
    assert importing <= DUCKDB
    opening = {file for file in trees() for _, name in calls_of(file) if name == "duckdb.connect"}
    assert opening == {"archive/file_door.py", "archive/quack.py"}


def test_only_output_writes_to_stdout() -> None:
    wrong = [
        f"{file}:{line} {name}"
        for file in trees()
        for line, name in calls_of(file)
        if file != "shell/output.py" and (name.startswith("sys.stdout") or name == "print")
    ]
    assert wrong == []


def test_only_messages_writes_to_stderr() -> None:
    wrong = [
        f"{file}:{line} {name}"
        for file in trees()
        for line, name in calls_of(file)
        if file != "shell/messages.py"
        and (name.startswith("sys.stderr") or name in {"warnings.warn", "logging.warning"})
    ]
    assert wrong == []


def test_the_pipeline_never_speaks_to_people() -> None:
    """It yields events; whoever called it renders them."""
    foreign = {"rich", "typer", "textual", "logging"}
    wrong = [str(i) for i in imports() if i.room == "pipeline" and i.module.split(".")[0] in foreign]
    assert wrong == []
