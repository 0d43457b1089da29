"""TOML read strictly into frozen dataclasses: every unknown key and wrong type is named with its line.

The type hints of the dataclass are the schema: `str`, `int`, `float`, `bool`, `datetime.date`, `Literal`,
`tuple[X, ...]`, `tuple[X, Y]`, `FrozenTable[str, X]` (free keys), `X | None` and nested dataclasses.
A field with no default is required. A field with `metadata={"computed": True}` is not a key of the file.
"""

import dataclasses
import datetime
import re
import tomllib
import types
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from iop4cli.errors import UsageError
from iop4cli.nearest import did_you_mean
from iop4cli.toml_lines import key_lines

T = TypeVar("T")
K = TypeVar("K")
V = TypeVar("V")


class FrozenTable(dict[K, V]):
    """A dict that cannot be changed, so that a frozen dataclass that holds it can be hashed."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self.items()))

    def _refuse(self, *_: object, **__: object) -> typing.NoReturn:
        raise TypeError("this table is frozen")

    __setitem__ = __delitem__ = __ior__ = update = pop = popitem = clear = setdefault = _refuse

    def __reduce__(self) -> tuple[type, tuple[dict[K, V]]]:
        return type(self), (dict(self),)


EMPTY: FrozenTable[typing.Any, typing.Any] = FrozenTable()


@dataclass(frozen=True)
class TomlProblem:
    """One thing wrong in a TOML file."""

    file: str
    line: int | None
    key: str
    message: str

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{place}: {self.key}: {self.message}" if self.key else f"{place}: {self.message}"


class TomlError(UsageError):
    """A TOML file that cannot be used; `problems` lists all that is wrong with it."""

    def __init__(self, problems: list[TomlProblem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)


@dataclass(frozen=True)
class Document:
    """A parsed TOML file that knows on which line each key stands."""

    file: str
    tree: dict[str, Any]
    lines: dict[str, int]

    def line_of(self, key: str) -> int | None:
        """The line of a dotted key (`headers.time`, `calibrations[1].band`), or of the nearest above it."""
        while key:
            if key in self.lines:
                return self.lines[key]
            key = re.sub(r"(\[\d+\]|\.?[^.\[\]]+)$", "", key)
        return None

    def problem(self, key: str, message: str) -> TomlProblem:
        """A problem of this file at a dotted key."""
        return TomlProblem(self.file, self.line_of(key), key, message)


def parse(text: str, file: str) -> Document:
    """Parse TOML; a syntax error becomes a TomlError with file and line."""
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        found = re.search(r"\s*\(at (?:line (\d+), column \d+|end of document)\)$", message)
        line = int(found[1]) if found and found[1] else len(text.splitlines()) or 1
        words = message[: found.start()] if found else message
        raise TomlError([TomlProblem(file, line, "", f"not valid TOML: {words}")]) from None
    except (ValueError, RecursionError) as error:  # a number of thousands of figures; brackets in brackets
        words = "too deep" if isinstance(error, RecursionError) else str(error).split(";")[0]
        raise TomlError([TomlProblem(file, None, "", f"not valid TOML: {words}")]) from None
    return Document(file, tree, key_lines(text))


def read(path: Path) -> Document:
    """Read and parse a TOML file; an unreadable one is a TomlError too."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise TomlError([TomlProblem(str(path), None, "", f"cannot be read: {error}")]) from None
    return parse(text, str(path))


def build(document: Document, schema: type[T], **computed: object) -> T:
    """The document as an instance of the dataclass `schema`, or a TomlError with every problem in it."""
    problems: list[TomlProblem] = []
    made = _Builder(document, problems).table(schema, document.tree, "", computed)
    if problems:
        raise TomlError(problems)
    return typing.cast(T, made)


def known_keys(schema: type) -> Iterator[tuple[str, Any]]:
    """(name, type) of the keys that the dataclass allows in a file."""
    hints = typing.get_type_hints(schema)
    for field in dataclasses.fields(schema):
        if not field.metadata.get("computed"):
            yield field.name, hints[field.name]


_WRONG = object()
# What a store and other programs hold as a whole number.
_LARGEST = 2**63
_SCALARS = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    datetime.date: "a date",
}


@dataclass
class _Builder:
    document: Document
    problems: list[TomlProblem]

    def fail(self, key: str, message: str) -> object:
        self.problems.append(self.document.problem(key, message))
        return _WRONG

    def table(self, schema: type, tree: object, key: str, computed: dict[str, object] | None = None) -> object:
        if not isinstance(tree, dict):
            return self.fail(key, f"must be a table, not {tree!r}")
        fields = {field.name: field for field in dataclasses.fields(schema)}
        hints = dict(known_keys(schema))
        prefix = f"{key}." if key else ""
        for name in tree:
            if name not in hints:
                self.fail(prefix + name, f"unknown key{did_you_mean(name, hints)}")
        values: dict[str, object] = dict(computed or {})
        for name, kind in hints.items():
            if name in tree:
                values[name] = self.value(kind, tree[name], prefix + name)
            elif fields[name].default is dataclasses.MISSING and fields[name].default_factory is dataclasses.MISSING:
                values[name] = self.fail(prefix + name, "is missing")
        if any(value is _WRONG for value in values.values()):
            return _WRONG
        try:
            return schema(**values)
        except ValueError as error:  # a dataclass may check itself; `key: message` points into it
            name, separator, message = str(error).partition(": ")
            if separator and re.split(r"[.\[]", name)[0] in hints:
                return self.fail(prefix + name, message)
            return self.fail(key, str(error))

    def value(self, kind: Any, value: object, key: str) -> object:
        origin, parts = typing.get_origin(kind), typing.get_args(kind)
        if origin in (typing.Union, types.UnionType):
            return self.union([part for part in parts if part is not type(None)], value, key)
        if origin is typing.Literal:
            if value in parts and type(value) in {type(part) for part in parts}:
                return value
            allowed = [str(part) for part in parts]
            return self.fail(key, f"{value!r} is not one of {', '.join(allowed)}")
        if origin is tuple:
            return self.array(parts, value, key)
        if isinstance(origin, type) and issubclass(origin, FrozenTable):
            return self.free_table(parts[1], value, key)
        if dataclasses.is_dataclass(kind):
            return self.table(typing.cast(type, kind), value, key)
        return self.scalar(kind, value, key)

    def union(self, kinds: list[Any], value: object, key: str) -> object:
        """The first kind that fits; the complaint of the last one if none does."""
        for kind in kinds[:-1]:
            trial = _Builder(self.document, [])
            made = trial.value(kind, value, key)
            if not trial.problems:
                return made
        return self.value(kinds[-1], value, key)

    def array(self, parts: tuple[Any, ...], value: object, key: str) -> object:
        if not isinstance(value, list):
            return self.fail(key, f"must be an array, not {value!r}")
        open_ended = len(parts) == 2 and parts[1] is Ellipsis
        if not open_ended and len(value) != len(parts):
            return self.fail(key, f"must have {len(parts)} values, not {len(value)}")
        kinds = [parts[0]] * len(value) if open_ended else list(parts)
        made = [self.value(kind, item, f"{key}[{i}]") for i, (kind, item) in enumerate(zip(kinds, value, strict=True))]
        return _WRONG if any(item is _WRONG for item in made) else tuple(made)

    def free_table(self, kind: Any, value: object, key: str) -> object:
        if not isinstance(value, dict):
            return self.fail(key, f"must be a table, not {value!r}")
        made = {name: self.value(kind, item, f"{key}.{name}") for name, item in value.items()}
        return _WRONG if any(item is _WRONG for item in made.values()) else FrozenTable(made)

    def scalar(self, kind: Any, value: object, key: str) -> object:
        """A plain value; a whole number does for a number, and never a truth value for either."""
        if kind is float and isinstance(value, int) and not isinstance(value, bool) and abs(value) < _LARGEST:
            return float(value)
        if kind is int and type(value) is int and abs(value) >= _LARGEST:
            return self.fail(key, f"{value} is too large")
        right = type(value) is kind
        if kind is float and right and not abs(typing.cast(float, value)) < float("inf"):
            return self.fail(key, f"must be a finite number, not {value!r}")
        return value if right else self.fail(key, f"must be {_SCALARS[kind]}, not {value!r}")
