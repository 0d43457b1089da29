"""Two steps in one pass over a frame: the second goes on with the image that the first has in memory.

Each remains a step of its own, with the same rows and the same files as if it had been done by itself: a file that the
second would write again is written once.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from iop4cli.errors import Iop4Error
from iop4cli.full_disk import DiskFull
from iop4cli.pipeline.step import Job, Outcome

if TYPE_CHECKING:
    from iop4cli.frames.fits import ReducedImage


def go_on(job: Job, image: ReducedImage) -> Outcome | None:
    """Do the job of the step that follows; None if it came to no end that a plan would believe.

    That is tried again when the step has its own turn, and told there.
    """
    from iop4cli.pipeline.steps import step_named

    step, start = step_named(job.step), time.perf_counter()
    try:
        outcome = step.work_on(job, image)
    except DiskFull:
        return None
    except Iop4Error as error:
        outcome = step.failed(job, str(error))
    except Exception:  # no memory, or a defect of ours: the step before it is not to suffer from that
        return None
    return replace(outcome, seconds=time.perf_counter() - start)
