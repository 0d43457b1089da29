"""Where the jobs of an archive are done, as its settings say."""

from __future__ import annotations

from iop4cli.commands.opening import Opened
from iop4cli.pipeline.executor import Executor, make_executor, worker_limits


def executor_of(opened: Opened) -> Executor:
    """The executor of the settings, with their limits on a job."""
    config = opened.config
    limits = worker_limits(config["job_timeout_s"], config["worker_memory_mb"])
    return make_executor(config["executor"], config["jobs"], limits, opened.layout.root)
