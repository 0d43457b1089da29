"""The examples do what they say, as far as one machine can tell."""

from __future__ import annotations

import csv
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from documented_lines import ROOT, parse
from small_archives import NIGHT, SmallArchive

from iop4cli import Archive

EXAMPLES = ROOT / "share/examples"
UNITS = sorted(path.name for path in EXAMPLES.glob("iop4-*"))
QUERIES = sorted(path.name for path in (EXAMPLES / "sql").glob("*.sql"))
_CRON_FIELDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))


@pytest.fixture
def changed(small_archive: SmallArchive, tmp_path: Path) -> SmallArchive:
    return small_archive.copy(tmp_path / "blazars")


def surroundings(archive: SmallArchive) -> dict[str, str]:
    """Variables with which `iop4` and `python` are those of this test, and the archive is found."""
    programs = archive.root.parent / "bin"
    for folder in (programs, archive.root.parent / "home"):
        folder.mkdir(exist_ok=True)
    for name, command in (("iop4", f"{sys.executable} -m iop4cli"), ("python", sys.executable)):
        (programs / name).write_text(f'#!/bin/sh\nexec {command} "$@"\n')
        (programs / name).chmod(0o755)
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    return archive.environment(PATH=path, IOP4_ARCHIVE=str(archive.root))


def shell(line: str, archive: SmallArchive, **variables: str) -> subprocess.CompletedProcess[str]:
    """A line as a shell runs it, beside the archive."""
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", line], cwd=archive.root.parent, env=surroundings(archive) | variables,
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip


def text_of(name: str, archive: SmallArchive | None = None) -> str:
    text = (EXAMPLES / name).read_text(encoding="utf-8")
    return text if archive is None else text.replace("/data/blazars", str(archive.root))


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_the_readme_names_every_example() -> None:
    there = {path.relative_to(EXAMPLES).as_posix() for path in EXAMPLES.rglob("*") if path.is_file()}
    assert set(re.findall(r"\]\(([^)]+)\)", text_of("README.md"))) == there - {"README.md"}


def cron_lines(text: str) -> tuple[dict[str, str], list[tuple[list[str], str]]]:
    """Variables, and (the five fields, the command as cron gives it to sh)."""
    variables, lines = {}, []
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        if re.match(r"\w+=", line):
            name, _, value = line.partition("=")
            variables[name] = value
        else:
            *fields, command = line.split(maxsplit=5)
            assert not re.search(r"(?<!\\)%", command), "a bare % ends the command in cron"
            lines.append((fields, command.replace(r"\%", "%")))
    return variables, lines


@pytest.mark.night
def test_cron_does_each_morning_what_is_due(changed: SmallArchive) -> None:
    variables, lines = cron_lines(text_of("crontab", changed))
    assert variables["IOP4_ARCHIVE"] == str(changed.root) and len(lines) == 2
    for fields, command in lines:
        for field, (least, most) in zip(fields, _CRON_FIELDS, strict=True):
            assert field == "*" or least <= int(field) <= most
        done = subprocess.run(
            ["/bin/sh", "-c", command], cwd=changed.root.parent, env=surroundings(changed), capture_output=True,
            text=True, timeout=300, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    # The night of the archive is long past: a table without rows.
    assert (changed.root / "reports" / "week.csv").read_text().startswith("id,source,")


@pytest.mark.parametrize("name", UNITS)
def test_systemd_takes_the_units(name: str, tmp_path: Path) -> None:
    text = text_of(name)
    for command in re.findall(r"^ExecStart=(.*)$", text, re.MULTILINE):
        words = shlex.split(command)
        assert words[:2] == ["/usr/bin/env", "iop4"]
        parse(words[2:])
    sections = re.findall(r"^\[(\w+)\]$", text, re.MULTILINE)
    assert sections[0] == "Unit" and len(set(sections)) == len(sections)
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed: the unit's command was parsed, not its other lines")
    for unit in UNITS:
        shutil.copy(EXAMPLES / unit, tmp_path)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--user", "--man=no", str(tmp_path / name)], capture_output=True, text=True,
        timeout=60, check=False, env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path), "HOME": str(tmp_path)},
    )  # fmt: skip
    if "Failed to initialize manager" in done.stderr:
        pytest.skip(f"systemd-analyze does not work here: {done.stderr.strip()}")
    assert (done.returncode, [line for line in done.stderr.splitlines() if name in line]) == (0, [])


def test_a_slurm_task_does_its_night(changed: SmallArchive) -> None:
    text = text_of("slurm_array.sh")
    header = text[: text.index("set -euo")].splitlines()
    options = [line.removeprefix("#SBATCH ") for line in header if line.startswith("#SBATCH")]
    assert all(re.fullmatch(r"--[a-z-]+=\S+", option) for option in options) and len(options) == 5
    assert text.count("#SBATCH --") == len(options), "sbatch reads no options after the first command"
    assert shell(f"bash -n {EXAMPLES / 'slurm_array.sh'}", changed).returncode == 0
    (changed.root.parent / "nights.txt").write_text(f"OSN-T090/2001-01-01\n{NIGHT}\n")
    done = shell(f"bash {EXAMPLES / 'slurm_array.sh'}", changed, SLURM_ARRAY_TASK_ID="2", SLURM_CPUS_PER_TASK="1")
    assert done.returncode == 0 and "nothing due" in done.stderr


def test_a_run_whose_workers_are_jobs_of_slurm(tmp_path: Path) -> None:
    """With a stand-in for dask-jobqueue, which says what it was given, and for the archive."""
    (tmp_path / "dask_jobqueue.py").write_text(
        "class SLURMCluster:\n"
        "    scheduler_address = 'tcp://node01:8786'\n"
        "    def __init__(self, *, cores, processes, memory, walltime, job_name): assert cores == processes\n"
        "    def __enter__(self): return self\n"
        "    def __exit__(self, *error): pass\n"
        "    def adapt(self, *, minimum_jobs, maximum_jobs): assert minimum_jobs <= maximum_jobs\n"
    )
    (tmp_path / "iop4cli.py").write_text(
        "class Archive:\n"
        "    exit_code = 3\n"
        "    def __init__(self, root): assert root == '/data/blazars'\n"
        "    def run(self, *, executor): assert executor == 'dask:tcp://node01:8786'; return self\n"
    )
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / "dask_slurm.py"), "/data/blazars"], capture_output=True, text=True, timeout=60,
        check=False, env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (3, "")


def test_a_cluster_of_kubernetes_is_whole() -> None:
    yaml = pytest.importorskip("yaml", reason="PyYAML comes with Dask, an extra")
    cluster = yaml.safe_load(text_of("dask_kubernetes.yaml"))
    assert (cluster["apiVersion"], cluster["kind"]) == ("kubernetes.dask.org/v1", "DaskCluster")
    worker, scheduler = (cluster["spec"][part]["spec"] for part in ("worker", "scheduler"))
    containers = [worker["containers"][0], scheduler["containers"][0]]
    assert len({container["image"] for container in containers}) == 1
    for container, verb in zip(containers, ("worker", "scheduler"), strict=True):
        assert container["args"][:2] == ["dask", verb] and all(isinstance(word, str) for word in container["args"])
    mounts = {mount["name"] for mount in containers[0]["volumeMounts"]}
    assert mounts == {volume["name"] for volume in worker["volumes"]}
    service = cluster["spec"]["scheduler"]["service"]
    assert service["selector"]["dask.org/cluster-name"] == cluster["metadata"]["name"]
    assert {port["targetPort"] for port in service["ports"]} == {port["name"] for port in containers[1]["ports"]}
    address = re.search(r"--executor dask:tcp://(\S+):(\d+)", text_of("dask_kubernetes.yaml"))
    assert address is not None and address[1] == f"{cluster['metadata']['name']}-scheduler"
    assert int(address[2]) in {port["port"] for port in service["ports"]}


@pytest.mark.night
def test_a_rule_of_snakemake_makes_the_table_of_a_night(changed: SmallArchive) -> None:
    text = text_of("Snakefile")
    command = "".join(re.findall(r'^ {8}"(iop4 [^"]*)"$', text, re.MULTILINE))
    values = {"{wildcards.night}": NIGHT, "{threads}": "1", "{output}": "night.csv"}
    for name, value in values.items():
        assert name in command
        command = command.replace(name, value)
    done = shell(command, changed)
    assert done.returncode == 0, done.stderr
    assert {row["source"] for row in table((changed.root.parent / "night.csv").read_text())} == {"2200+420"}


def test_snakemake_finds_the_nights(changed: SmallArchive) -> None:
    if shutil.which("snakemake") is None:
        pytest.skip("snakemake is not installed (some 40 packages): the rule's command is run by the test above")
    done = shell(f"snakemake -n -s {EXAMPLES / 'Snakefile'} --cores 1", changed)
    assert done.returncode == 0 and f"tables/{NIGHT}.csv" in done.stdout, done.stderr


@pytest.mark.night
def test_nights_side_by_side_with_gnu_parallel(changed: SmallArchive) -> None:
    assert shell(f"bash -n {EXAMPLES / 'parallel.sh'}", changed).returncode == 0
    if shutil.which("parallel") is None:
        pytest.skip("GNU parallel is not installed: the script's syntax was checked, nothing more")
    changed.run("sql", "--write", "delete from correction")
    changed.run("sql", "--write", "delete from item where step = 'correct'")
    done = shell(f"bash {EXAMPLES / 'parallel.sh'}", changed)
    assert done.returncode == 0, done.stderr
    assert changed.rows("sql", "select count(*) as n from correction", "--format", "ndjson")[0]["n"] > 0


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_is_answered(small_archive: SmallArchive, name: str) -> None:
    done = small_archive.run("sql", "-f", str(EXAMPLES / "sql" / name))
    assert done.returncode == 0, done.stderr
    assert table(done.stdout), "the small archive has an answer to each"


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_nightly_means_in_polars_are_those_in_sql(small_archive: SmallArchive, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"results.{suffix}"
    assert small_archive.run("export", "-o", str(path), "--targets").returncode == 0
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / "light_curve.py"), str(path)], capture_output=True, text=True, timeout=60,
        check=True,
    )  # fmt: skip
    asked = small_archive.run("sql", "-f", str(EXAMPLES / "sql" / "nightly_means.sql"))
    mine, theirs = table(done.stdout), table(asked.stdout)
    assert len(mine) == len(theirs) > 0
    for one, other in zip(mine, theirs, strict=True):
        assert (one["source"], one["band"], one["night"]) == (other["source"], other["band"], other["night"])
        for name in ("mag", "mag_err", "q", "u"):
            # Only the order of the sums differs.
            assert float(one[name]) == pytest.approx(float(other[name]), rel=1e-12)


@pytest.mark.night
def test_the_script_reduces_exports_and_plots(changed: SmallArchive, tmp_path: Path) -> None:
    files = tmp_path / "files"
    files.mkdir()
    done = shell(f"python {EXAMPLES / 'reduce_and_plot.py'} {changed.root} {files}", changed)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("0 done, ")
    assert {path.name for path in files.iterdir()} == {"2200+420.csv", "2200+420.png"}


@pytest.mark.night
def test_the_page_on_python_holds(changed: SmallArchive, tmp_path: Path) -> None:
    (tmp_path / "night").mkdir()
    shutil.copy(changed.root / "raw" / NIGHT / "BLLac-0001R0.fit", tmp_path / "night")
    blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / "share/doc/python.md").read_text(), re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 7
    code = "\n".join(blocks).replace("/data/blazars", str(changed.root)).replace("/data/night", str(tmp_path / "night"))
    (tmp_path / "page.py").write_text(code)
    done = shell(f"cd {tmp_path} && python page.py", changed)
    assert done.returncode == 0, done.stderr
    assert done.stderr == "" and "done" in done.stdout and "matches nothing" in done.stdout
    assert {"bllac.parquet", "bllac.pdf", "night.html"} <= {path.name for path in tmp_path.iterdir()}


def test_every_method_that_the_page_on_python_names_is_there() -> None:
    text = (ROOT / "share/doc/python.md").read_text()
    named = set(re.findall(r"\barchive\.(\w+)", text))
    assert len(named) > 15 and [name for name in named if not hasattr(Archive, name)] == []
