"""Completion in real shells: names of the archive, rightly quoted, quickly, and quiet where there is none."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from shells import ROOT, Shell

from iop4cli.app import VERBS
from iop4cli.archive.catalog_store import write_sources
from iop4cli.archive.create import create_archive
from iop4cli.archive.name_lists import KINDS, TABLES, keep_names
from iop4cli.archive.source import Source
from iop4cli.archive.store import Store
from iop4cli.reference.described import described
from iop4cli.reference.taken import taken_by_option

N_FRAMES, N_RESULTS = 20_000, 100_000
# A person waits no longer than this without noticing.
LIMIT_S = 0.15
HOSTILE = "foo'bar $(touch PWNED)"
STRANGE = 'a:b=c"d\\e`touch PWNED`x'
_ROWS = f"""
insert into frame by name select 'OSN-T090/' || night::text || '/' || filename as name, * from (
    select 'OSN-T090' as telescope, date '2015-01-01' + (i // 100)::int as night,
        'F-' || lpad(i::text, 5, '0') || 'R.fit' as filename, 'AndorT90' as instrument, 'R' as band
    from generate_series(0, {N_FRAMES - 1}) g(i));
insert into measurement by name select md5(i::text)[1:12] as id, '2200+420' as source, 'pol' as mode,
    'OSN-T090/2015-01-01/group-' || i as origin from generate_series(0, {N_RESULTS - 1}) g(i);
insert into calibration by name select 'AndorT90-R-2015' as name;
"""

# md5("0"), as the rows above make it.
A_RESULT = "cfcd208495d5"

needs_bash = pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")


@pytest.fixture(scope="module")
def archive(module_folder: Callable[[str], Path]) -> Path:
    """20,000 frames and 100,000 results, and sources with names that a shell must not run."""
    layout = create_archive(module_folder("names") / "archive")
    store = Store(layout.store)
    store.write([], _ROWS)
    names = {"2200+420": ("BL Lac",), "OJ 287": ("PG 0851+202",), HOSTILE: (), STRANGE: ()}
    write_sources(store, [Source(name, 1.0, 2.0, "blazar", others) for name, others in names.items()])
    keep_names(store, TABLES)
    return layout.root


@pytest.fixture(scope="module", params=["bash", "zsh", "fish"])
def shell(request, module_folder: Callable[[str], Path], archive: Path) -> Iterator[Shell]:
    """Each shell, in the archive's folder."""
    if shutil.which(request.param) is None or shutil.which("tmux") is None:
        pytest.skip(f"{request.param} or tmux is not installed")
    started = Shell(request.param, module_folder(request.param), archive)
    yield started
    started.close()


def candidates(line: str, here: Path, **variables: str) -> list[str]:
    """What the function of bash has to offer; here no terminal is needed."""
    word = line[max(line.rfind(mark) for mark in " =:") + 1 :]
    script = (
        'source "$1"; COMP_LINE="$2"; COMP_POINT=${#2}; _iop4 iop4 "$3" ""; '
        '[ "${#COMPREPLY[@]}" -eq 0 ] || printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(
        ["bash", "--norc", "-c", script, "bash", str(ROOT / "completions" / "iop4.bash"), line, word],
        cwd=here, env={"PATH": "/usr/bin:/bin", "HOME": str(here)} | variables,
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stderr == ""
    return done.stdout.splitlines()


@needs_bash
def test_verbs_subcommands_and_options_are_completed(archive):
    assert set(candidates("iop4 ", archive)) >= {verb.name for verb in VERBS}
    assert candidates("iop4 clas", archive) == ["classify"]
    assert candidates("iop4 catalog im", archive) == ["import"]
    assert candidates("iop4 reduce --dr", archive) == ["--dry-run"]
    assert candidates("iop4 flag add --rea", archive) == ["--reason"]
    assert set(candidates("iop4 plot ", archive)) >= {"lightcurve", "qu", "growth"}


@needs_bash
@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("iop4 run --instrument ", ["AndorT90"]),
        ("iop4 run --band ", ["R"]),
        ("iop4 run --mode ", ["phot", "pol"]),
        ("iop4 simulate --mode ", ["phot", "pol", "both"]),
        ("iop4 run --since 2015-01-0", [f"2015-01-0{day}" for day in range(1, 10)]),
        ("iop4 catalog edit OJ", ["OJ\\ 287"]),
        ("iop4 show BL", ["BL\\ Lac"]),
        ("iop4 run --source=OJ", ["OJ\\ 287"]),
        ("iop4 catalog rename 2200", ["2200+420"]),
        ("iop4 calib show ", ["AndorT90-R-2015"]),
        ("iop4 plot sweep cfcd208", [A_RESULT]),
        ("iop4 phot --param radius_f", ["radius_fwhm="]),
        ("iop4 calib export --format ", ["toml", "ecsv"]),
        ("iop4 log --step cl", ["classify"]),
        ("iop4 run OSN-T090/2015-01-02/F-0010", [f"OSN-T090/2015-01-02/F-0010{n}R.fit" for n in range(10)]),
        ("iop4 plot zeropoint OSN-T090/2015-01-02", ["OSN-T090/2015-01-02"]),
        ("iop4 run --force --band R -j 2 OSN-T090/2015-01-02", ["OSN-T090/2015-01-02/"]),
        ("iop4 flag add --reason ", []),
        ("iop4 catalog add ", []),
    ],
)
def test_values_are_what_the_archive_and_the_help_name(archive, line, offered):
    assert sorted(candidates(line, archive)) == sorted(offered)


@needs_bash
def test_frames_and_results_are_not_poured_out(archive):
    offered = candidates("iop4 run ", archive)
    assert len(offered) == N_FRAMES // 100
    assert all(name.endswith("/") for name in offered)
    assert candidates("iop4 plot modulation ", archive) == []


@needs_bash
def test_the_archive_is_found_as_the_program_finds_it(archive, tmp_path):
    other = tmp_path / "other folder"
    create_archive(other)
    write_sources(Store(other / "iop4.duckdb"), [Source("3C 273", 1.0, 2.0, "blazar")])
    line = "iop4 run --source 3"
    (archive / "raw" / "deep").mkdir(exist_ok=True)
    assert candidates(line, archive / "raw" / "deep") == []
    assert candidates(line, archive, IOP4_ARCHIVE=str(other)) == ["3C\\ 273"]
    assert candidates(f"iop4 run --archive '{other}' --source 3", archive) == ["3C\\ 273"]
    assert candidates(f"iop4 run --archive={str(other).replace(' ', chr(92) + ' ')} --source 3", archive) == [
        "3C\\ 273"
    ]
    assert candidates("iop4 run --source OJ", archive / "raw" / "deep") == ["OJ\\ 287"]
    assert candidates("iop4 run --source OJ", archive, IOP4_ARCHIVE=str(tmp_path / "none")) == []


@needs_bash
def test_bash_is_quick(archive):
    """The whole process of a shell counts, which a person's shell need not start."""
    taken_s = []
    for line in ("iop4 run ", "iop4 run OSN-T090/2015-03-01/", "iop4 show cfcd", "iop4 run --source "):
        times = []
        for _ in range(5):
            began = time.perf_counter()
            assert candidates(line, archive)
            times.append(time.perf_counter() - began)
        # The least of some: what else the machine does is not the completion's doing.
        taken_s.append(min(times))
    assert max(taken_s) < LIMIT_S


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
def test_fish_is_quick(archive):
    """A shell with its start, less one that only loads the completions: these are loaded once."""
    load = f"source {ROOT}/completions/iop4.fish"
    for line in ("iop4 run OSN-T090/2015-03-01/", "iop4 show cfcd", "iop4 run --source "):
        asking = ["fish", "--no-config", "-c", f"{load}; complete -C '{line}'"]
        assert subprocess.run(asking, cwd=archive, capture_output=True, check=True).stdout
        asked, loaded = (
            min(_seconds(["fish", "--no-config", "-c", script], archive) for _ in range(5))
            for script in (f"{load}; complete -C '{line}'", load)
        )
        assert asked - loaded < LIMIT_S


def _seconds(command: list[str], here: Path) -> float:
    began = time.perf_counter()
    subprocess.run(command, cwd=here, capture_output=True, check=True)
    return time.perf_counter() - began


@pytest.mark.night
def test_names_are_quoted_so_that_the_program_gets_them(shell, archive):
    for begun in ("foo", "'foo", '"foo'):
        assert shell.given_after_tab(f"iop4 run --source {begun}") == ["run", "--source", HOSTILE]
    for begun in ("a", "'a", '"a'):
        assert shell.given_after_tab(f"iop4 catalog edit {begun}") == ["catalog", "edit", STRANGE]
    assert shell.given_after_tab("iop4 run --source=foo") in (
        ["run", f"--source={HOSTILE}"],
        ["run", "--source", HOSTILE],
    )
    assert not (archive / "PWNED").exists()


@pytest.mark.night
def test_tab_completes_words_names_and_files(shell, archive):
    assert shell.given_after_tab("iop4 clas") == ["classify"]
    assert shell.given_after_tab("iop4 catalog ren") == ["catalog", "rename"]
    assert shell.given_after_tab("iop4 plot lightcurve OJ") == ["plot", "lightcurve", "OJ 287"]
    assert shell.given_after_tab("iop4 show BL") == ["show", "BL Lac"]
    assert shell.given_after_tab("iop4 run OSN-T090/2015-01-02/F-0010") == ["run", "OSN-T090/2015-01-02/F-0010"]
    frame = "OSN-T090/2015-01-02/F-00104R.fit"
    assert shell.given_after_tab("iop4 run OSN-T090/2015-01-02/F-00104") == ["run", frame]
    assert shell.given_after_tab("iop4 plot sweep cfcd208") == ["plot", "sweep", A_RESULT]
    assert shell.given_after_tab("iop4 export -o iop4.to") == ["export", "-o", "iop4.toml"]
    # zsh takes the slash away at Enter.
    assert shell.given_after_tab("iop4 run --archive rep")[2].rstrip("/") == "reports"


def test_a_night_leads_to_its_frames(shell):
    seen = shell.shown_after_tab("iop4 run OSN-T090/2015-01-02/F-0013")
    assert all(f"F-0013{number}R.fit" in seen for number in range(10))
    assert "F-00199R.fit" not in seen


def test_without_an_archive_nothing_is_said(request, shell, tmp_path):
    alone = Shell(shell.name, tmp_path / "shell", tmp_path)
    try:
        assert alone.given_after_tab("iop4 run --source O") == ["run", "--source", "O"]
        seen = alone.shown_after_tab("iop4 run OSN")
        assert [line for line in seen.splitlines() if line.strip() not in {"", "ready> iop4 run OSN", "ready>"}] == []
        assert alone.given_after_tab("iop4 clas") == ["classify"]
    finally:
        alone.close()


@pytest.mark.parametrize(("kind", "table", "column"), [
    ("frames", "frame", "name"), ("results", "measurement", "id"), ("masters", "master", "name"),
    ("sources", "source", "name"),
])  # fmt: skip
def test_a_run_lists_what_it_made(small_archive, kind, table, column):
    listed = (small_archive.root / ".names" / kind).read_text(encoding="utf-8").splitlines()
    rows = Store(small_archive.root / "iop4.duckdb").rows(f"select {column} as name from {table}")
    assert rows
    assert sorted(listed) == sorted(row["name"] for row in rows)


def test_words_to_choose_from_are_those_of_the_help():
    """Only what is not read from the help could differ from it."""
    for command in described():
        for names, metavar, text in command.options:
            if not metavar or not {"--images", "--mail-if", "--run", "--bad"} & set(names):
                continue
            words = taken_by_option(command, names, metavar, text).words
            assert words, names
            assert all(word in text for word in words), (names, words)


def test_every_list_that_shells_ask_for_is_kept():
    script = (ROOT / "completions" / "iop4.bash").read_text(encoding="utf-8")
    for kind in KINDS:
        assert f'"{kind}"' in script or f"names:{kind}" in script, kind
