"""Opening an archive as the options say: used by every verb that has one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from iop4cli.archive.layout import Layout, find_archive
from iop4cli.archive.lock import guard_writing
from iop4cli.archive.network_guard import NetworkGuard
from iop4cli.archive.store import Store
from iop4cli.errors import UsageError
from iop4cli.instruments.registry import Registry
from iop4cli.pipeline.step import Parameters
from iop4cli.pipeline.steps import STEP_NAMES, step_named
from iop4cli.pipeline.surroundings import Surroundings
from iop4cli.shell import messages
from iop4cli.shell.config import Config, Setting, load_config, user_instrument_folder

if TYPE_CHECKING:
    from iop4cli.shell.options import ArchiveOptions


# By the option, or the argument in Python.
_SAID_FOR_ALL = {"--lock-timeout", "lock_timeout_s"}


@dataclass(frozen=True)
class Opened:
    """An archive with its settings."""

    layout: Layout
    config: Config
    store: Store

    @property
    def night_timeout_s(self) -> float:
        """How long to wait for nights of other runs: as long as for the store, where that was said for this call."""
        said = self.config.origins["lock_timeout_s"] in _SAID_FOR_ALL
        return float(self.config["lock_timeout_s" if said else "night_timeout_s"])

    def surroundings(self) -> Surroundings:
        folders = (user_instrument_folder(), self.layout.instruments)
        parameters = Parameters(self.config.step_parameters())
        registry = Registry.load(folders)
        return Surroundings(self.layout, registry, parameters, self.config.index_folders(), folders)


def open_archive(options: ArchiveOptions, flags: Sequence[tuple[str, Any, str]] = ()) -> Opened:
    """Find the archive, read the settings, and set how talkative to be."""
    messages.set_verbosity(-1 if options.quiet else options.verbose)
    layout = find_archive(options.archive)
    return opened_at(layout, [*flags, *store_flags(options.db, options.lock_timeout)], messages.warn)


def store_flags(db: str | None, lock_timeout_s: float | None) -> list[tuple[str, Any, str]]:
    """The settings of the store that flags give."""
    flags: list[tuple[str, Any, str]] = [] if db is None else [("db", db, "--db")]
    return flags if lock_timeout_s is None else [*flags, ("lock_timeout_s", lock_timeout_s, "--lock-timeout")]


def opened_at(
    layout: Layout, flags: Sequence[tuple[str, Any, str]] = (), warn: Callable[[str], object] | None = None
) -> Opened:
    """An archive with its settings and these flags (name, value, how it was said); `warn` tells of its disk."""
    config = load_config(layout.config, flags, step_settings())
    if not config["db"]:
        guard_writing(layout.store, NetworkGuard(layout.root, config["network_store"], warn).check)
    return Opened(layout, config, store_of(layout, config))


def store_of(layout: Layout, config: Config) -> Store:
    """The archive's file, or the server that the settings name."""
    if not config["db"]:
        return Store(layout.store, config["lock_timeout_s"])
    from iop4cli.archive.quack import Address
    from iop4cli.archive.server_door import ServerDoor
    from iop4cli.archive.tokens import found_token

    address = Address.parsed(config["db"])
    token = found_token(config["db_token_file"], layout.store)
    door = ServerDoor(address, token, config["lock_timeout_s"], layout.store)
    return Store(layout.store, config["lock_timeout_s"], door)


def step_settings() -> list[Setting]:
    """The parameters of all steps as settings STEP.NAME."""
    return [
        Setting(f"{step}.{parameter.name}", parameter.default, parameter.unit, parameter.help)
        for step in STEP_NAMES
        for parameter in step_named(step).parameters
    ]


def parameter_flags(said: Sequence[str], steps: Sequence[str]) -> list[tuple[str, Any, str]]:
    """--param NAME=VALUE; a single step's parameters need no prefix."""
    flags: list[tuple[str, Any, str]] = []
    for text in said:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise UsageError(f"--param {text!r}: must be NAME=VALUE, like {steps[0]}.NAME=VALUE")
        name = name.strip()
        if len(steps) == 1 and "." not in name:
            name = f"{steps[0]}.{name}"
        flags.append((name, value.strip(), f"--param {text}"))
    return flags
