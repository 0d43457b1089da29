"""Jobs are the commands of the shell: they do the same, tell how far they are, and can be stopped."""

from __future__ import annotations

import pytest
from driving import Seat, sit

from iop4cli.errors import UsageError
from iop4cli.tui.jobs import Job, parsed_command, perform
from tests.cli.small_archives import NIGHT, SmallArchive

BIAS = f"{NIGHT}/bias-AndorT90-640x640"


async def start(seat: Seat, command: str) -> None:
    await seat.press("8", "n")
    await seat.until("Which step?")
    await seat.press("enter")
    await seat.until("Enter: start")
    await seat.press("ctrl+u")
    await seat.type(command)
    await seat.press("enter")


@pytest.mark.night
def test_progress_is_that_of_the_wave_that_runs(archive: SmallArchive) -> None:
    seen: list[tuple[str, int, int]] = []
    job = Job(1, parsed_command("mkmaster --force -j 1"))
    perform(job, archive.root, lambda job: seen.append((job.step, job.n_ended, job.n_due)))
    assert (job.status, job.counts["done"]) == ("done", 6)
    planned = [line for line in job.lines if " due, " in line]
    assert "mkmaster (flat): 5 due, 0 up to date, 0 impossible" in planned
    assert (job.step, job.n_due) == ("mkmaster", int(planned[-1].split(": ")[1].split()[0]))
    assert all(n_ended <= n_due for _, n_ended, n_due in seen)


@pytest.mark.night
def test_a_step_is_run_again_and_its_rows_are_seen(archive: SmallArchive) -> None:
    before = archive.rows("sql", "select max(updated) as at from item where step = 'pol'", "--format", "ndjson")

    async def look(seat: Seat) -> None:
        await start(seat, "pol --force -j 1")
        await seat.until("iop4 pol --force -j 1: done")
        await seat.until("1 done, 0 with problems")

    app = sit(archive, look)
    (job,) = app.jobs
    assert (job.status, job.counts["done"], job.n_due, job.is_over) == ("done", 1, 1, True)
    after = archive.rows("sql", "select max(updated) as at from item where step = 'pol'", "--format", "ndjson")
    assert after[0]["at"] > before[0]["at"]


@pytest.mark.night
def test_a_master_is_rejected_and_accepted_by_hand(archive: SmallArchive) -> None:
    def accepted() -> bool:
        sql = f"select accepted from master where name = '{BIAS}'"
        return bool(archive.rows("sql", sql, "--format", "ndjson")[0]["accepted"])

    def decide(key: str, question: str) -> None:
        async def look(seat: Seat) -> None:
            await seat.press("5")
            await seat.filter("kind=bias")
            await seat.until("1/1 masters")
            await seat.press(key)
            await seat.until(question)
            await seat.press("y")
            await seat.until(lambda: bool(seat.app.jobs) and seat.app.jobs[0].is_over)

        sit(archive, look)

    decide("x", "Reject")
    assert not accepted()
    decide("a", "Accept")
    assert accepted()


@pytest.mark.night
def test_a_job_is_stopped_and_the_next_one_runs(archive: SmallArchive) -> None:
    async def look(seat: Seat) -> None:
        await start(seat, "phot --force -j 1")
        await seat.until("running")
        await start(seat, "pol -n")
        await seat.until("waiting")
        seat.app.stop_job(1)
        await seat.until(lambda: seat.app.jobs[1].is_over)

    app = sit(archive, look)
    assert [job.status for job in app.jobs] == ["cancelled", "done"]
    # What was told to stop is no more, and the store is as good as before.
    assert archive.run("run", "-j", "1").returncode in {0, 3}


def test_quitting_with_jobs_asks_and_stops_them(archive: SmallArchive) -> None:
    async def look(seat: Seat) -> None:
        await start(seat, "run --force -j 1")
        await seat.until("running")
        await seat.press("q")
        await seat.until("Jobs are running")
        await seat.press("y")

    app = sit(archive, look)
    (job,) = app.jobs
    assert (job.status, job.is_over) == ("cancelled", True)
    assert job.process is not None
    assert job.process.returncode == 143


@pytest.mark.parametrize("text", ["", "sql 'drop table frame'", "rm -rf /", "run 'open"])
def test_only_steps_are_jobs(text: str) -> None:
    with pytest.raises(UsageError):
        parsed_command(text)


def test_a_command_that_is_wrong_ends_as_failed_and_says_why(archive: SmallArchive) -> None:
    job = Job(1, parsed_command("iop4 pol --since yesterday"))
    perform(job, archive.root, lambda job: None)
    assert job.status.startswith("failed")
    assert any("yesterday" in line for line in job.lines)


def test_what_is_written_while_the_program_ends_troubles_no_screen(archive: SmallArchive) -> None:
    async def look(seat: Seat) -> None:
        await seat.press("5")
        await seat.until("masters")
        screen = seat.app.screen
        await screen.query("*").remove()
        seat.app.store_changed()
        assert screen in seat.app.screen_stack and not screen.query("#said")

    sit(archive, look)
