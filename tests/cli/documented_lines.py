"""Command lines of the documentation: where they are, what stands in them for something else, how they are run."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from small_archives import NIGHT, SmallArchive

from iop4cli.app import VERBS, load_verb
from iop4cli.archive.people import add_calibration
from iop4cli.archive.store import Store
from iop4cli.reference import described
from iop4cli.share import share_dir

ROOT = Path(__file__).resolve().parents[2]
GENERATED = {"reference.md", "columns.md"}
_CRON = re.compile(r"^(?:[\d*/,-]+\s+){4}[\d*/,-]+\s+")
_SPAN = re.compile(r"`([^`]+)`")
_OPERATORS = {"|", "||", "&&", ";", "<", ">", ">>", "&"}
# Lines that a test cannot run here, and why; their words are parsed all the same. Each is the beginning of lines.
NOT_RUN = {
    "iop4 tui": "takes the whole terminal, or serves a browser, until it is ended (tests/tui drive it)",
    "iop4 watch --from": "asks an observatory's server (tests/remote/test_watch_a_server.py has one)",
    "iop4 fetch --from": "asks an observatory's server (tests/remote have some)",
    "iop4 sql --shell": "opens the program duckdb, which need not be installed",
    "iop4 serve": "goes on until it is ended (tests/store/test_server.py ends it)",
    "--db quack:": "asks a server (tests/store/test_server.py and tests/night/test_served_night.py have some)",
    "IOP4_DB=quack:": "asks a server",
    "--executor dask:": "asks a Dask cluster (tests/night/test_dask.py has some)",
    "iop4 log --follow": "goes on until it is ended (tests/cli/test_log.py ends it)",
    "iop4 catalog calibrators": "asks Pan-STARRS (tests/cli/test_catalog_calibrators.py has a stand-in)",
    "iop4 catalog resolve": "asks SIMBAD (tests/cli/test_catalog_check.py has a stand-in)",
    "iop4 calib fit": "needs nights of standard stars (tests/night/test_calibrations.py simulates them)",
    "iop4 index needs --urls": "wget would fetch gigabytes",
    "iop4 index fetch": "asks the servers of astrometry.net (tests/remote/test_index_fetch.py has one)",
}


@dataclass(frozen=True)
class Line:
    """A command line and the page or verb that has it."""

    where: str
    text: str

    def __str__(self) -> str:
        return f"{self.where}: {self.text}"

    @property
    def why_not_run(self) -> str:
        return next((why for begins, why in NOT_RUN.items() if begins in self.text), "")

    def commands(self) -> Iterator[list[str]]:
        """The words of each iop4 in the line, after it."""
        words: list[str] | None = None
        skipped = False
        for token in _tokens(self.text):
            if token in _OPERATORS:
                if words is not None and token not in {"<", ">", ">>"}:
                    yield words
                    words = None
                skipped = token in {"<", ">", ">>"}
            elif skipped:
                skipped = False
            elif words is not None:
                words.append(token)
            elif token == "iop4":
                words = []
        if words is not None:
            yield words


def _tokens(text: str) -> Iterator[str]:
    lexer = shlex.shlex(re.sub(r"\$\([^)]*\)", "2022-09-08", text), posix=True, punctuation_chars="|&;<>")
    lexer.whitespace_split = True
    yield from lexer


def pages() -> list[Path]:
    """README.md and the guide, but for the pages that are made from the program."""
    return [
        ROOT / "README.md",
        *(page for page in sorted((ROOT / "share/doc").glob("*.md")) if page.name not in GENERATED),
    ]


def lines() -> list[Line]:
    """Every command line: of the pages those that are indented, of the help the examples."""
    said = ((f"iop4 {command.words[0]} -h", text) for command in described() for text in command.epilog_lines)
    found = [Line(where, text) for where, text in dict.fromkeys(said)]
    for page in pages():
        for text in page.read_text(encoding="utf-8").splitlines():
            if text.startswith("    ") and re.search(r"(^|[\s|;&(])iop4 [a-z-]", text):
                found.append(Line(page.name, _CRON.sub("", re.sub(r"\s+# .*$", "", text.strip()))))
    return list({str(line): line for line in found}.values())


def spans() -> list[Line]:
    """Command lines in the midst of sentences."""
    found = []
    for page in pages():
        for text in _SPAN.findall(" ".join(page.read_text(encoding="utf-8").split())):
            if re.match(r"iop4 [a-z-]", text):
                found.append(Line(page.name, text))
    return found


def parse(words: list[str]) -> None:
    """Read words as the program would, and do nothing; raises what it would say."""
    if words == ["--version"]:
        return
    assert words[0] in {verb.name for verb in VERBS}, f"there is no verb {words[0]}"
    command: Any = load_verb(words[0])
    rest, name = words[1:], words[0]
    while True:
        context = command.make_context(name, list(rest), help_option_names=["-h", "--help"])
        if not hasattr(command, "commands") or not context._protected_args + context.args:
            return
        name, *rest = [*context._protected_args, *context.args]
        assert name in command.commands, f"iop4 {words[0]} has no subcommand {name}"
        command = command.commands[name]


def prepare(archive: SmallArchive) -> None:
    """Let an archive hold what examples speak of: OJ 287, a calibration of CAFOS, and two runs."""
    for words in (["catalog", "add", "OJ 287", "--ra", "133.70365", "--dec", "20.10851"], ["correct", "--force"]):
        done = archive.run(*words)
        assert done.returncode == 0, done.stderr
    row = {
        "name": "CAFOS R 2022-03-01", "instrument": "CAFOS", "band": "R", "q_inst": 0.001, "q_inst_err": 1e-3,
        "u_inst": 0.002, "u_inst_err": 1e-3, "zero_angle_deg": -1.2, "zero_angle_err_deg": 0.2, "efficiency": 1.0,
        "efficiency_err": 0.01, "valid_from": "2022-03-01", "valid_until": None, "source": "an example",
        "covariance": json.dumps([[1e-6, 0, 0, 0], [0, 1e-6, 0, 0], [0, 0, 0.04, 0], [0, 0, 0, 1e-4]]),
        "chi2": 3.5, "dof": 4, "n_measurements": 2, "n_stars": 2, "scatter": 0.0, "star_scatter": 0.0,
        "raw_scatter": None, "held": "", "residuals": json.dumps(_RESIDUALS),
    }  # fmt: skip
    add_calibration(Store(archive.root / "iop4.duckdb"), row, "somebody")


_RESIDUALS = [
    {"id": digit * 12, "star": star, "source": star, "night": "2022-03-01", "q": q, "u": -q, "q_err": 5e-4,
     "u_err": 5e-4, "used": True, "reason": ""}
    for digit, star, q in (("0", "HD 204827", 1e-4), ("1", "BD+33 2642", -2e-4))
]  # fmt: skip


def unknown_words(words: list[str]) -> list[str]:
    """What of the verb, subcommand and options is not there: for commands in sentences, which may be no whole ones."""
    if words[0].startswith("-"):
        return [word for word in words if word not in {"-h", "--help", "--version"}]
    known = {command.words: command for command in described()}
    command = known.get(tuple(words[:2])) or known.get(tuple(words[:1]))
    if command is None or (command.has_subcommands and words[1:] and not words[1].startswith("-")):
        return words[:2]
    options = {name for names, _, _ in command.options for name in names}
    return [word for word in words if word.startswith("-") and word != "-" and word not in options]


def _later(frame: Path, copy: Path, **changed: str) -> None:
    """The frame as if it had been taken a minute later: two of one time are taken for copies of each other."""
    from astropy.io import fits
    from astropy.time import Time, TimeDelta

    with fits.open(frame) as hdus:
        header, minute = hdus[0].header, TimeDelta(60.0, format="sec")
        header["JD"] += 60.0 / 86400.0
        header["DATE-OBS"] = (Time(header["DATE-OBS"]) + minute).isot
        header.update(changed)
        hdus.writeto(copy)


class Playground:
    """A folder with what the documentation takes for granted; see share/doc/README.md for what stands for what."""

    def __init__(self, archive: SmallArchive, folder: Path) -> None:
        self.archive = archive.copy(folder / "blazars")
        self.folder = folder
        result = self.archive.rows("export", "--format", "ndjson", "--mode", "pol")[0]["id"]
        self.stand_ins = {
            "/data/blazars": str(self.archive.root),
            "/data/astrometry": str(share_dir() / "demo" / "index"),
            "/mnt/mirror/astrometry": str(share_dir() / "demo" / "index"),
            "index-5203-*": "index-*",
            "/mnt/mirror/5200": str(share_dir() / "demo" / "index"),
            "/data/night": str(folder / "taken"),
            "/mnt/telescope/20220908": str(folder / "taken"),
            "/tmp/night": str(folder / "new" / "night"),
            "/mnt/camera": str(folder / "camera"),
            "/data/telescope": str(folder / "telescope"),
            "804e0c209aef": result,
            "2048x2048": "640x640",
        }
        self._fill(folder)

    def _fill(self, folder: Path) -> None:
        for name in ("night", "taken", "camera", "telescope", "home/.config", "bin", "new"):
            (folder / name).mkdir(parents=True)
        frame = self.archive.root / "raw" / NIGHT / "BLLac-0001R.fit"
        _later(frame, folder / "taken" / "frame.fits")
        _later(frame, folder / "night" / "frame.fits", INSTRUME="MyCamera")
        (folder / "home" / "night").symlink_to(folder / "taken")
        (folder / "home" / "index").symlink_to(share_dir() / "demo" / "index")
        camera = (share_dir() / "instruments" / "andor_t90.toml").read_text()
        changed = {
            '"AndorT90"': '"MyCamera"',
            '"RoperT90"': '"MyCamera"',
            '"OSN-T090"': '"MY-T1"',
            '["T090", "T90"]': "[]",
        }
        for said, mine in changed.items():
            camera = camera.replace(said, mine)
        for place in (folder, self.archive.root):
            (place / "my_camera.toml").write_text(camera)
            (place / "wake-me.sh").write_text("#!/bin/sh\ncat > /dev/null\n")
            (place / "wake-me.sh").chmod(0o755)
        shutil.copytree(folder / "night", self.archive.root / "night")
        (self.archive.root / "my_sources.csv").write_text("name,ra,dec,kind\nOJ 49,127.953662,4.494184,blazar\n")
        (self.archive.root / "my_hosts.csv").write_text(
            "name,aperture_radius_arcsec,fwhm_arcsec,flux_mjy,flux_err_mjy\n"
            "BL Lac,2,2,1,0.1\nBL Lac,2,3,0.9,0.1\nBL Lac,4,2,2,0.1\nBL Lac,4,3,1.9,0.1\n"
        )
        # A watch that has seen everything goes on for ever.
        self._program(
            "iop4", f'[ "$1" = watch ] && set -- "$@" --stop-when-idle 1\nexec {sys.executable} -m iop4cli "$@"'
        )
        self._program("mail", "cat > /dev/null")
        # That nothing is found is no failure of the line.
        self._program("grep", 'PATH=/usr/bin:/bin grep "$@"; [ $? -le 1 ]')
        with (self.archive.root / "iop4.toml").open("a") as settings:
            settings.write('\n[mail]\nhost = "localhost"\nfrom = "me@example.org"\nto = "me@example.org"\n')

    def _program(self, name: str, text: str) -> None:
        program = self.folder / "bin" / name
        program.write_text(f"#!/bin/sh\n{text}\n")
        program.chmod(0o755)

    def run(self, line: Line) -> subprocess.CompletedProcess[str]:
        """Run a line in the archive, or beside it if it makes or enters one."""
        text = line.text
        for said, real in self.stand_ins.items():
            text = text.replace(said, real)
        place = self.archive.root
        if re.match(r"iop4 (init|simulate|demo)\b", text):
            place = self.folder / "new"
        elif text.startswith(("cd ", "iop4 doctor")) or "--archive blazars" in text:
            place = self.folder
        home = self.folder / "home"
        variables = self.archive.environment(
            HOME=str(home), XDG_CONFIG_HOME=str(home / ".config"), XDG_DATA_HOME=str(home / ".local/share"),
            PATH=f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}", EDITOR="true", VISUAL="true",
        )  # fmt: skip
        return subprocess.run(
            ["bash", "-o", "pipefail", "-c", text], cwd=place, env=variables,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600, check=False,
        )  # fmt: skip
