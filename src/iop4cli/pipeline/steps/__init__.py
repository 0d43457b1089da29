"""The steps of the pipeline by name, in order; each is imported when it is asked for."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from iop4cli.pipeline.step import Step

STEP_NAMES = ("classify", "mkmaster", "reduce", "solve", "phot", "pol", "correct")


@cache
def step_named(name: str) -> Step:
    """The one instance of a step."""
    if name not in STEP_NAMES:
        raise KeyError(name)
    step: Step = import_module(f"iop4cli.pipeline.steps.{name}").STEP
    return step
