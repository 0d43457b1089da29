"""How quick the screens are on a large archive, in a real terminal, alone and while a night is reduced.

100,000 results and 20,000 frames. A key's time is from `tmux send-keys` to the first `tmux capture-pane` that shows
its effect; what tmux itself takes, measured with a line that the shell echoes, is printed beside it.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tui"))

from large_archives import make_large_archive
from terminal import Terminal

from iop4cli.share import share_dir
from iop4cli.simulate.night import NightRecipe, simulate_night
from tests.cli.small_archives import SmallArchive

NIGHT = "OSN-T090/2022-09-08"
N_KEYS = 40


@dataclass
class Figures:
    """Seconds, and MB."""

    what: str
    first_table_s: list[float] = field(default_factory=list)
    results_s: list[float] = field(default_factory=list)
    key_s: list[float] = field(default_factory=list)
    page_s: list[float] = field(default_factory=list)
    peak_mb: float = 0.0

    def told(self) -> str:
        parts = [f"{self.what:<10}"]
        for name, values in (("first table", self.first_table_s), ("to results", self.results_s),
                             ("down", self.key_s), ("page", self.page_s)):  # fmt: skip
            values = sorted(values)
            parts.append(
                f"{name} {values[len(values) // 2]:.3f} s (95 % {values[int(0.95 * (len(values) - 1))]:.3f}, "
                f"most {values[-1]:.3f}, n {len(values)})"
            )
        return "  ".join([*parts, f"memory at most {self.peak_mb:.0f} MB"])


def timed(terminal: Terminal, keys: list[str], wanted: str) -> float:
    began = time.perf_counter()
    terminal.keys(*keys)
    terminal.until(wanted, every_s=0.002)
    return time.perf_counter() - began


def peak_mb(process: int) -> float:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def line_of(seen: str, before: int) -> int:
    """The number of the row of the cursor; while the screen is drawn anew, what it was."""
    said = [text for text in seen.splitlines() if "/100,0" in text]
    return int(said[0].split("/")[0]) if said else before


def look(terminal: Terminal, figures: Figures) -> None:
    """Open, go to the results, scroll, leave."""
    program = f"{shlex.quote(sys.executable)} -m iop4cli tui"
    terminal.keys("clear", "Enter")
    time.sleep(0.2)
    figures.first_table_s.append(timed(terminal, [program, "Enter"], "/201 nights"))
    figures.results_s.append(timed(terminal, ["3"], "1/100,0"))
    for number in range(2, 2 + N_KEYS):
        figures.key_s.append(timed(terminal, ["Down"], f"{number}/100,0"))
    terminal.keys("Home")
    terminal.until("\n1/100,0")
    line = 1
    for _ in range(N_KEYS // 2):
        began, before = time.perf_counter(), line
        terminal.keys("PageDown")
        while line == before:
            time.sleep(0.002)
            line = line_of(terminal.seen, line)
        figures.page_s.append(time.perf_counter() - began)
    figures.peak_mb = max(figures.peak_mb, peak_mb(terminal.pid_of("iop4cli tui")))
    terminal.keys("q")
    terminal.until("$")


def reduce_beside(archive: SmallArchive) -> subprocess.Popen[bytes]:
    environment = archive.environment(IOP4_INDEX_PATH=str(share_dir() / "demo" / "index"))
    return subprocess.Popen(
        [sys.executable, "-m", "iop4cli", "run", NIGHT, "-j", "2", "--force"],
        cwd=archive.root, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="iop4-screens-") as name:
        folder = Path(name)
        archive = make_large_archive(folder / "archive")
        recipe = NightRecipe("AndorT90", "both", NIGHT.split("/")[1], 1, targets=("BL Lacertae", "3C 454.3"))
        simulate_night(archive.root, recipe)
        assert archive.run("classify", NIGHT).returncode == 0
        terminal = Terminal(archive, folder, (160, 50))
        try:
            terminal.until("$")
            shell = sorted(timed(terminal, ["C-u", f"x{n}y"], f"$ x{n}y") for n in range(20))
            terminal.keys("C-u")
            print(f"tmux itself {shell[10]:.3f} s")
            alone, beside = Figures("alone"), Figures("with run")
            for _ in range(5):
                look(terminal, alone)
            print(alone.told(), flush=True)
            runs = 0
            while len(beside.first_table_s) < 5:
                run = reduce_beside(archive)
                while run.poll() is None and len(beside.first_table_s) < 5:
                    look(terminal, beside)
                runs += 1
                run.terminate()
                assert run.wait() in {0, 3, 143}
            print(beside.told(), f" ({runs} runs)")
        finally:
            terminal.close()


if __name__ == "__main__":
    main()
