"""Real shells in a real terminal: what Tab makes of a line, and what the program then is given."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 20.0
# Says what it was given, each word as JSON.
_ECHO = """#!{python}
import json, sys
print("given", json.dumps(sys.argv[1:]), flush=True)
"""


class Shell:
    """One shell (bash, zsh or fish) with the completions that are checked in, and `iop4` only an echo."""

    def __init__(self, name: str, folder: Path, here: Path) -> None:
        self.name, self.folder = name, folder
        self.server = ["tmux", "-f", os.devnull, "-S", str(folder / "tmux")]
        bin_folder = folder / "bin"
        bin_folder.mkdir(parents=True)
        python = shutil.which("python3") or "/usr/bin/python3"
        (bin_folder / "iop4").write_text(_ECHO.format(python=python))
        (bin_folder / "iop4").chmod(0o755)
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("IOP4_", "XDG_", "TMUX"))}
        home = {"HOME": str(folder), "ZDOTDIR": str(folder), "LANG": "C.UTF-8", "TERM": "xterm"}
        command = getattr(self, f"_{name}")()
        subprocess.run(
            [*self.server, "new-session", "-d", "-s", "t", "-x", "200", "-y", "50", "-c", str(here), command],
            env=kept | home | {"PATH": f"{bin_folder}:{os.environ['PATH']}"}, check=True, timeout=20,
        )  # fmt: skip
        self.until("ready>")

    def _bash(self) -> str:
        rc = self.folder / "rc"
        rc.write_text(f"PS1='ready> '\nsource {ROOT}/completions/iop4.bash\nbind 'set page-completions off'\n")
        return f"bash --rcfile {rc} -i"

    def _zsh(self) -> str:
        site = self.folder / "site"
        site.mkdir()
        shutil.copy(ROOT / "completions" / "_iop4", site)
        lines = ("PS1='ready> '", f"fpath=({site} $fpath)", "autoload -Uz compinit && compinit -u", "unsetopt beep")
        (self.folder / ".zshrc").write_text("\n".join(lines) + "\n")
        return "zsh -i"

    def _fish(self) -> str:
        place = self.folder / ".config" / "fish" / "completions"
        place.mkdir(parents=True)
        shutil.copy(ROOT / "completions" / "iop4.fish", place)
        (place.parent / "config.fish").write_text("function fish_prompt; echo 'ready> '; end\nset -g fish_greeting\n")
        return "fish -i"

    def tmux(self, *words: str) -> str:
        return subprocess.run([*self.server, *words], capture_output=True, text=True, timeout=20, check=True).stdout

    def type(self, text: str) -> None:
        self.tmux("send-keys", "-t", "t", "-l", text)

    def press(self, key: str) -> None:
        self.tmux("send-keys", "-t", "t", key)

    @property
    def seen(self) -> str:
        return self.tmux("capture-pane", "-p", "-J", "-t", "t")

    def until(self, wanted: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while wanted not in self.seen:
            assert time.monotonic() < deadline, f"waited in vain for {wanted!r}:\n{self.seen}"
            time.sleep(0.05)

    def given_after_tab(self, line: str) -> list[str]:
        """The words that `iop4` is given when this line, Tab and Enter are typed."""
        self.press("C-l")
        self.type(line)
        self.until(line)
        self.press("Tab")
        self._rest()
        self.press("Enter")
        self.until("given [")
        text = self.seen.split("given ", 1)[1]
        given: list[str] = json.JSONDecoder().raw_decode(text)[0]
        return given

    def shown_after_tab(self, line: str) -> str:
        """What is on the screen when this line and Tab are typed."""
        self.press("C-l")
        self.type(line)
        self.until(line)
        self.press("Tab")
        self.press("Tab")
        self._rest()
        seen = self.seen
        self.press("C-c")
        self._rest()
        return seen

    def _rest(self) -> None:
        """Until the screen is still for 0.4 s."""
        before, since = self.seen, time.monotonic()
        while time.monotonic() - since < 0.4:
            time.sleep(0.05)
            now = self.seen
            if now != before:
                before, since = now, time.monotonic()

    def close(self) -> None:
        subprocess.run([*self.server, "kill-server"], capture_output=True, timeout=20, check=False)
