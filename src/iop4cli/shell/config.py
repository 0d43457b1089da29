"""Settings: flags over IOP4_* variables over the archive's iop4.toml over the user's one over defaults."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from iop4cli.errors import UsageError
from iop4cli.nearest import did_you_mean
from iop4cli.strict_toml import TomlError, TomlProblem, read


@dataclass(frozen=True)
class Setting:
    """One setting: its default, its kind, and what it means."""

    name: str
    default: Any
    unit: str
    help: str


GENERAL = (
    Setting("jobs", 0, "processes", "worker processes; 0 is one a core"),
    Setting("executor", "auto", "", "where jobs are done: auto, here, processes, dask:ADDRESS"),
    Setting("job_timeout_s", 1800.0, "s", "how long one job may take in a worker before it is given up; 0 is for ever"),
    Setting(
        "worker_memory_mb",
        -1,
        "MB",
        "how much memory a worker may take (Linux); -1 is half of the machine's, 0 is no limit",
    ),
    Setting("lock_timeout_s", 60.0, "s", "how long to wait for the store"),
    Setting("db", "", "", "address of the server that has the store (quack:HOST:PORT); empty: the archive's own file"),
    Setting("db_token_file", "", "file", "file with the token of that server, if IOP4_DB_TOKEN has none"),
    Setting("night_timeout_s", 3600.0, "s", "how long to wait for a night that another run works on"),
    Setting(
        "network_store",
        "auto",
        "",
        "a store on a network disk: auto (refuse where locks hold on one host only, warn if unsure), allow, refuse",
    ),
    Setting(
        "solve.index_path",
        "",
        "folders",
        "folders of astrometry.net index files, colon-separated (or a list)",
    ),
    Setting(
        "catalog.panstarrs_url",
        "https://catalogs.mast.stsci.edu/api/v0.1/panstarrs/dr2/mean",
        "",
        "service that `catalog calibrators` asks",
    ),
    Setting(
        "catalog.simbad_url",
        "https://simbad.cds.unistra.fr/simbad/sim-tap/sync",
        "",
        "service that `catalog resolve` asks",
    ),
    Setting("catalog.timeout_s", 30.0, "s", "how long to wait for these services"),
    Setting("index.url", "", "", "web address of a mirror for `index fetch`; empty: where each series is published"),
    Setting("index.mirror", "", "folder", "folder of index files that `index fetch` looks in before the web"),
    Setting("index.series", "5200,4100", "", "series of index files that are needed; the first that has a scale"),
    Setting("fetch.copy", False, "yes/no", "copy files into raw/ instead of linking to them"),
    Setting("fetch.read_only", False, "yes/no", "take the right to write from files that are copied or fetched"),
    Setting("fetch.retries", 5, "", "tries after a broken connection that brought nothing"),
    Setting("fetch.retry_pause_s", 1.0, "s", "pause before the first of these tries; twice as long at each next one"),
    Setting("fetch.timeout_s", 60.0, "s", "how long a server may say nothing"),
    Setting(
        "tui.images", "blocks", "", "how `iop4 tui` shows images: blocks, kitty, sixel, or auto (as the terminal can)"
    ),
    Setting("mail.host", "", "", "server that takes the mail of `report --mail`"),
    Setting("mail.port", 0, "", "its port; 0 is the usual one: 587 (starttls), 465 (yes) or 25 (no)"),
    Setting("mail.tls", "starttls", "", "how the connection is kept private: starttls, yes (from the start) or no"),
    Setting("mail.from", "", "address", "sender"),
    Setting("mail.to", "", "addresses", "who gets it, comma-separated (or a list)"),
    Setting("mail.user", "", "", "who logs in; empty: as netrc says, else nobody"),
    Setting("mail.password_command", "", "", "command that prints the password; else IOP4_MAIL_PASSWORD or netrc"),
)


@dataclass(frozen=True)
class Config:
    """Effective values by dotted name, and where each came from."""

    values: Mapping[str, Any]
    origins: Mapping[str, str] = field(default_factory=dict)
    known: Mapping[str, Setting] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    def step_parameters(self) -> dict[str, dict[str, Any]]:
        """Parameters of steps that are set anywhere (defaults are the steps' and the instruments' own)."""
        given: dict[str, dict[str, Any]] = {}
        for name, value in self.values.items():
            if self.origins[name] != "default" and name not in _general_names() and not name.startswith("fetch."):
                step, _, parameter = name.partition(".")
                given.setdefault(step, {})[parameter] = value
        return given

    def index_folders(self) -> tuple[Path, ...]:
        """Folders of index files, the user's own data folder last."""
        import platformdirs

        said = self.values["solve.index_path"]
        folders = [part for part in said.split(os.pathsep) if part] if isinstance(said, str) else list(said)
        return (
            *(Path(folder).expanduser() for folder in folders),
            Path(platformdirs.user_data_dir("iop4")) / "index",
        )


def load_config(
    archive_config: Path | None, flags: Sequence[tuple[str, Any, str]] = (), of_steps: Iterable[Setting] = ()
) -> Config:
    """Collect the settings, general ones and those `of_steps`; `flags` are (name, value, how it was said).

    Unknown names are errors.
    """
    folders = remote_archive_folders(archive_config)
    known = {setting.name: setting for setting in (*GENERAL, *of_steps, *_of_remote_archives(folders))}
    values = {name: setting.default for name, setting in known.items()}
    origins = dict.fromkeys(values, "default")
    for path in (user_config_path(), archive_config):
        if path is not None and path.is_file():
            for name, value in _from_file(path, known).items():
                values[name], origins[name] = value, str(path)
    for name, value, variable in _from_environment(known):
        values[name], origins[name] = value, variable
    for name, value, said in flags:
        if name not in known:
            raise UsageError(f"{said}: there is no setting {name!r}{did_you_mean(name, known)}")
        values[name], origins[name] = parse_value(known[name], value, said), said
    return Config(values, origins, known)


def user_config_path() -> Path:
    import platformdirs

    return Path(platformdirs.user_config_dir("iop4")) / "config.toml"


def user_instrument_folder() -> Path:
    return user_config_path().parent / "instruments"


def remote_archive_folders(archive_config: Path | None) -> tuple[Path, ...]:
    """Where users keep the TOML files of remote archives, besides those that come with the program."""
    own = user_config_path().parent / "archives"
    return (own,) if archive_config is None else (own, archive_config.parent / "archives")


def _of_remote_archives(folders: Iterable[Path]) -> Iterable[Setting]:
    from iop4cli.remote.archives import SETTINGS, archive_names

    for name in archive_names(folders):
        for key, default, unit, meaning in SETTINGS:
            yield Setting(f"fetch.{name}.{key}", default, unit, meaning.format(name=name))


def variable_of(name: str) -> str:
    """The environment variable of a setting: IOP4_PHOT_RADIUS_FWHM for phot.radius_fwhm."""
    return _VARIABLES.get(name, "IOP4_" + name.replace(".", "_").replace("-", "_").upper())


_VARIABLES = {"solve.index_path": "IOP4_INDEX_PATH", "lock_timeout_s": "IOP4_LOCK_TIMEOUT"}
# Variables that are no settings, but are ours all the same.
_OTHER_VARIABLES = {"IOP4_ARCHIVE", "IOP4_DB_TOKEN", "IOP4_TEST_DATA"}


def _general_names() -> set[str]:
    return {setting.name for setting in GENERAL}


def _from_environment(known: Mapping[str, Setting]) -> list[tuple[str, Any, str]]:
    by_variable = {variable_of(name): name for name in known}
    # Read where they are needed and nowhere else: no setting, so that nothing ever shows one.
    passwords = {
        variable_of(name).removesuffix("HOST") + "PASSWORD"
        for name in known
        if name.startswith(("fetch.", "mail.")) and name.endswith(".host")
    }
    found = []
    for variable, text in sorted(os.environ.items()):
        if not variable.startswith("IOP4_") or variable in _OTHER_VARIABLES | passwords:
            continue
        if variable not in by_variable:
            hint = did_you_mean(variable, [*by_variable, *_OTHER_VARIABLES])
            raise UsageError(f"the environment variable {variable} means nothing{hint}")
        name = by_variable[variable]
        found.append((name, parse_value(known[name], text, variable), variable))
    return found


def _from_file(path: Path, known: Mapping[str, Setting]) -> dict[str, Any]:
    document = read(path)
    found: dict[str, Any] = {}
    problems: list[TomlProblem] = []
    for name, value in _flattened(document.tree).items():
        if name not in known:
            message = f"is not a setting{did_you_mean(name, known)}"
            problems.append(document.problem(name, message))
            continue
        problem = _wrong_type(known[name], value)
        if problem:
            problems.append(document.problem(name, problem))
        found[name] = float(value) if isinstance(known[name].default, float) and isinstance(value, int) else value
    if problems:
        raise TomlError(problems)
    return found


def _flattened(tree: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            flat.update(_flattened(value, f"{above}{key}."))
        else:
            flat[above + key] = value
    return flat


def _wrong_type(setting: Setting, value: Any) -> str:
    if setting.name in _LISTS and isinstance(value, list) and all(isinstance(part, str) for part in value):
        return ""
    kind = type(setting.default)
    right = isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        right = True
    return "" if right else f"must be {_KINDS[kind]}, not {value!r}"


# Text, or a list of texts.
_LISTS = {"solve.index_path", "mail.to"}
_KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}
_TRUE, _FALSE = {"1", "true", "yes", "on"}, {"0", "false", "no", "off"}


def parse_value(setting: Setting, value: Any, said: str) -> Any:
    """A value given as text (environment, --param) as the kind that the setting has."""
    if not isinstance(value, str):
        return value
    kind = type(setting.default)
    try:
        if kind is bool:
            word = value.strip().lower()
            if word not in _TRUE | _FALSE:
                raise ValueError
            return word in _TRUE
        return kind(value)
    except ValueError:
        raise UsageError(f"{said}: {setting.name} must be {_KINDS[kind]}, not {value!r}") from None


def described(config: Config) -> list[dict[str, Any]]:
    """Every effective value with its origin, for `iop4 doctor` and --show-params."""
    rows = []
    for name, setting in config.known.items():
        row = dataclasses.asdict(setting) | {"value": config.values[name], "from": config.origins[name]}
        rows.append({key: row[key] for key in ("name", "value", "unit", "default", "from", "help")})
    return rows
