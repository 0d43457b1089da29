"""What man pages say besides options: exit status, variables of the environment, files; of all and of each verb."""

from __future__ import annotations

from collections.abc import Iterable

from iop4cli.archive.layout import CONFIG_NAME, STORE_NAME
from iop4cli.pipeline.steps import STEP_NAMES
from iop4cli.shell.config import GENERAL, variable_of

Rows = list[tuple[str, str]]

_STEPPING = frozenset((*STEP_NAMES, "run"))
_PARTLY = _STEPPING | {"fetch", "index", "catalog"}
_EXIT = {
    0: "Done, or nothing was due.",
    1: "It failed; standard error says why.",
    2: "The command line or the settings are wrong.",
    3: "Some of it failed, or was done with something to look at; the rest is done.",
    4: "There is no such frame, night, result, source or run.",
    75: "The store, or a night that another run works on, was busy for too long: nothing is lost, try again.",
    129: "Ended because its terminal closed (SIGHUP); what was finished is recorded.",
    130: "Ended by Ctrl-C; what was finished is recorded.",
    143: "Ended by SIGTERM; what was finished is recorded.",
}
# Verbs that take no name of anything in an archive.
_NAMELESS = frozenset({"demo", "init", "simulate", "doctor", "tui"})
# Of each verb, settings whose names begin so are its own.
_SETTINGS = {
    "solve": ("solve.index_path",),
    "run": ("solve.index_path",),
    "watch": ("solve.index_path", "fetch."),
    "fetch": ("fetch.",),
    "index": ("solve.index_path", "index."),
    "catalog": ("catalog.",),
    "tui": ("tui.", "jobs", "executor", "solve.index_path"),
    "report": ("mail.",),
}
_FOLDERS = {
    "raw": "Raw frames, raw/TELESCOPE/NIGHT/FILE; may be a link to a folder elsewhere.",
    "master": "Combined bias, dark and flat.",
    "reduced": "Reduced frames: electrons, pixel bits, coordinates, provenance.",
    "plots": "For your plots.",
    "reports": "Reports of nights (iop4 report --save).",
    "log": "For what cron jobs write.",
    "instruments": "Instruments of your own, a TOML file each.",
    "archives": "Servers of observatories, a TOML file each.",
    "host_galaxies": "Tables of the light of host galaxies, of your own.",
}


def exit_status_of_all() -> Rows:
    """Every exit code that some verb gives."""
    return [(str(code), text) for code, text in _EXIT.items()]


def exit_status(verb: str, flags: Iterable[str]) -> Rows:
    """The exit codes of one verb that has these flags."""
    left_out = set()
    if verb not in _PARTLY:
        left_out.add(3)
    if verb in _NAMELESS:
        left_out.add(4)
    if "--lock-timeout" not in flags:
        left_out.add(75)
    return [(str(code), text) for code, text in _EXIT.items() if code not in left_out]


def environment_of_all() -> Rows:
    """Every variable that means something."""
    return [
        _ARCHIVE,
        *((variable_of(setting.name), f"Setting {setting.name}: {setting.help}.") for setting in GENERAL),
        ("IOP4_STEP_PARAMETER", "A parameter of a step: IOP4_PHOT_RADIUS_FWHM is phot.radius_fwhm."),
        *_PASSWORDS["fetch"], *_PASSWORDS["report"], *_WATCH, *_OTHERS,
    ]  # fmt: skip


_ARCHIVE = ("IOP4_ARCHIVE", "The archive, where --archive does not name one.")
_PASSWORDS: dict[str, Rows] = {
    "fetch": [
        ("IOP4_FETCH_NAME_HOST", "Address of the server NAME; also _PORT, _USER, _PASSWORD_COMMAND, _KNOWN_HOSTS."),
        ("IOP4_FETCH_NAME_PASSWORD", "Password for the server NAME."),
    ],
    "report": [("IOP4_MAIL_PASSWORD", "Password for the server that takes the mail.")],
}
_WATCH: Rows = [
    (
        "IOP4_RESULT_SOURCE, IOP4_RESULT_MAG, IOP4_RESULT_P...",
        "Set by iop4 watch for the commands of --on-result and --on-alert.",
    )
]
_OTHERS: Rows = [
    ("NO_COLOR", "No colours."),
    ("SSL_CERT_FILE", "A file of certificate authorities, for servers over https."),
    ("XDG_CONFIG_HOME", "Where the folder iop4 of your own settings lies; else ~/.config."),
    ("XDG_DATA_HOME", "Where the folder iop4/index of your own index files lies; else ~/.local/share."),
    ("VISUAL, EDITOR", "The editor of iop4 catalog edit."),
]


def environment(verb: str, flags: Iterable[str]) -> Rows:
    """The variables that one verb heeds."""
    flags = set(flags)
    rows: Rows = []
    if "--archive" in flags:
        rows.append(_ARCHIVE)
    for setting in GENERAL:
        by_flag = {"lock_timeout_s": "--lock-timeout", "jobs": "--jobs", "executor": "--executor"}.get(setting.name)
        if by_flag in flags or setting.name.startswith(_SETTINGS.get(verb, ("-",))):
            rows.append((variable_of(setting.name), f"Setting {setting.name}: {setting.help}."))
    if verb in _STEPPING | {"watch"}:
        example = "phot" if verb in {"run", "watch"} else verb
        said = f"A parameter: IOP4_{example.upper()}_NAME for {example}.NAME."
        rows.append((f"IOP4_{'STEP' if verb in {'run', 'watch'} else verb.upper()}_NAME", said))
    if verb in {"fetch", "watch"}:
        rows += _PASSWORDS["fetch"]
    rows += _PASSWORDS["report"] if verb == "report" else []
    rows += _WATCH if verb == "watch" else []
    rows += [row for row in _OTHERS if row[0] != "VISUAL, EDITOR" or verb == "catalog"][:1]
    rows += [_OTHERS[-1]] if verb == "catalog" else []
    return rows


def files(verb: str = "", flags: Iterable[str] = ("--archive",)) -> Rows:
    """The files of an archive, of a user, and of the program."""
    if "--archive" not in flags and verb != "init":
        return []
    rows = [
        (CONFIG_NAME, "Settings of the archive; its folder is the archive."),
        (STORE_NAME, "The store: a DuckDB database. Only one program at a time writes to it."),
    ]
    if not verb or verb == "init":
        rows += [(f"{name}/", text) for name, text in _FOLDERS.items()]
    rows.append(
        (
            "~/.config/iop4/config.toml",
            "Your own settings; those of the archive win. On macOS below ~/Library/Application Support.",
        )
    )
    if not verb:
        rows += [
            ("~/.config/iop4/instruments/, ~/.config/iop4/archives/", "Instruments and servers of your own."),
            ("~/.local/share/iop4/index/", "Index files of astrometry.net of your own."),
            ("~/.netrc", "Passwords, where neither a variable nor a command gives them."),
        ]
    return rows
