"""A run on a Dask cluster makes what a run on one machine makes, and ends as well."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.night.archives import LONGEST_S, Archive, environment
from tests.soak.dask_cluster import Cluster, cluster
from tests.soak.killed import NIGHT, contents, different, leftovers, sound
from tests.soak.many import small_night, started
from tests.soak.workers import MISBEHAVING

pytestmark = pytest.mark.night
pytest.importorskip("distributed", reason="Dask is an extra: pip install 'iop4cli[dask]'")


@pytest.fixture(scope="module")
def raw_small(module_folder: Callable[[str], Path]) -> Archive:
    return small_night(module_folder("dask") / "raw", NIGHT)


@pytest.fixture(scope="module")
def local(raw_small: Archive, module_folder: Callable[[str], Path]) -> Archive:
    """The night, reduced by processes of this machine."""
    archive = raw_small.copy(module_folder("dask") / "local")
    archive.iop4("run", "-j2")
    return archive


@pytest.fixture
def archive(raw_small: Archive, tmp_path: Path) -> Archive:
    return raw_small.copy(tmp_path / "archive")


@pytest.fixture
def two_workers(tmp_path: Path) -> Iterator[Cluster]:
    with cluster(tmp_path / "dask", 2, PYTHONPATH=str(MISBEHAVING)) as made:
        yield made


def test_a_cluster_makes_what_one_machine_makes(archive: Archive, local: Archive) -> None:
    archive.iop4("run", "--executor", "dask:local:2")
    assert different(contents(archive), contents(local)) == []
    assert sound(archive) + leftovers(archive) == []
    assert "nothing due" in archive.iop4("run", "--executor", "dask:local:1").err


def test_a_job_that_hangs_on_a_cluster_fails_alone(archive: Archive, local: Archive, tmp_path: Path) -> None:
    item = sorted(local.items("solve"))[0]
    with cluster(tmp_path / "dask", 1, PYTHONPATH=str(MISBEHAVING), MISBEHAVING=f"solve {item} hang") as dask:
        archive.iop4("run", "--executor", f"dask:{dask.file}", code=3, IOP4_JOB_TIMEOUT_S="20")
    found = archive.items("solve")
    assert "job_timeout_s" in found[item]["reason"] and found[item]["key"] is None
    assert {row["status"] for name, row in found.items() if name != item} == {"done"}
    archive.iop4("run", "-j2")
    assert different(contents(archive), contents(local)) == []


def test_what_is_finished_when_sigterm_comes_is_recorded(
    archive: Archive, local: Archive, two_workers: Cluster
) -> None:
    run = started(archive, "run", "--executor", f"dask:{two_workers.file}")
    until = time.monotonic() + LONGEST_S
    while not any(archive.root.glob("master/*/*/*.fits")) and time.monotonic() < until:
        time.sleep(0.05)
    run.send_signal(signal.SIGTERM)
    run.communicate(timeout=LONGEST_S)
    assert run.returncode == 143
    assert sound(archive) + leftovers(archive) == []
    archive.iop4("run", "--executor", f"dask:{two_workers.file}")
    assert different(contents(archive), contents(local)) == []


def test_an_address_without_a_scheduler_is_refused(archive: Archive) -> None:
    for place in ("tcp://127.0.0.1:9", "nowhere.json", "local:many"):
        said = archive.iop4("run", "--executor", f"dask:{place}", code=2)
        assert f"dask:{place}" in said.err and "Traceback" not in said.err


def test_a_worker_that_does_not_see_the_archive_is_refused(archive: Archive, tmp_path: Path) -> None:
    hidden = ["unshare", "-rm", "sh", "-c", f'mount -t tmpfs none {archive.root} && exec "$@"', "sh"]
    if subprocess.run([*hidden, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("this machine lets nobody make a mount namespace (unshare -rm)")
    with cluster(tmp_path / "dask", 1) as dask:
        dask.add_worker(*hidden)
        until = time.monotonic() + LONGEST_S
        while (dask.folder / "log").read_text().count("Registered to:") < 2 and time.monotonic() < until:
            time.sleep(0.1)
        said = archive.iop4("run", "--executor", f"dask:{dask.file}", code=2)
    assert "must be shared" in said.err and str(archive.root) in said.err
    assert archive.sql("select * from item") == []


def test_hosts_of_a_network_share_the_work(archive: Archive, local: Archive, tmp_path: Path) -> None:
    """Two network namespaces are two hosts with the same process ids or not; the disk is shared."""
    if shutil.which("ip") is None:
        pytest.skip("no program ip: no network namespaces can be made")
    script = tmp_path / "hosts.sh"
    script.write_text(f"""
        set -eu
        ip link add bridge0 type bridge && ip addr add 10.9.8.1/24 dev bridge0
        ip link set bridge0 up && ip link set lo up
        {sys.executable} -m distributed.cli.dask_scheduler --host 10.9.8.1 --port 8786 --no-dashboard --no-show &
        for n in 2 3; do
            unshare -n sleep 600 & host=$!
            sleep 0.5
            ip link add veth$n type veth peer name eth0 netns $host
            ip link set veth$n master bridge0 up
            nsenter -t $host -n sh -c "ip addr add 10.9.8.$n/24 dev eth0; ip link set eth0 up; ip link set lo up"
            nsenter -t $host -n {sys.executable} -m distributed.cli.dask_worker tcp://10.9.8.1:8786 --nthreads 1 \\
                --no-nanny --no-dashboard --host 10.9.8.$n --local-directory {tmp_path} &
        done
        cd {archive.root}
        {sys.executable} -m iop4cli run --executor dask:tcp://10.9.8.1:8786
    """)
    made = subprocess.run(["unshare", "-rn", "ip", "link", "add", "bridge0", "type", "bridge"], capture_output=True)
    if made.returncode != 0:
        pytest.skip(f"no network of its own can be made here: {made.stderr.decode().strip()}")
    with (tmp_path / "log").open("w") as log:
        done = subprocess.run(
            ["unshare", "-rnpf", "--kill-child", "--mount-proc", "bash", str(script)], env=environment(archive.root),
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, timeout=LONGEST_S, check=False,
        )  # fmt: skip
    assert done.returncode == 0, (tmp_path / "log").read_text()[-2000:]
    assert different(contents(archive), contents(local)) == []
