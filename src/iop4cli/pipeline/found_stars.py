"""Stars of reduced frames, found once though several waves of the step solve look at the same frame."""

from __future__ import annotations

from iop4cli.frames.fits import ReducedImage
from iop4cli.pipeline.step import Job, digest
from iop4cli.science.detection import Detections, detect

_MOST_FRAMES = 200
# By what they rest on; those of frames that a wave did not solve, in the process that tried.
_kept: dict[str, Detections] = {}


def take(job: Job, image: ReducedImage) -> Detections:
    """The stars of the frame of a job of solve."""
    payload, params = job.payload, job.payload["params"]
    stars = _kept.pop(_rests_on(job), None)
    if stars is not None:
        return stars
    return detect(
        image.electrons, image.dq, threshold_sigmas=params["detection_sigmas"], min_area_px=params["min_area_px"],
        mesh_px=params["mesh_px"], max_stars=300 if payload["beams"] is None else 600,
        usual_fwhm_px=params["usual_fwhm_arcsec"] / payload["hints"]["scale_arcsec_per_px"],
    )  # fmt: skip


def keep(job: Job, stars: Detections) -> None:
    """For the wave that comes after this one, which did not solve the frame."""
    if len(_kept) >= _MOST_FRAMES:
        _kept.clear()
    _kept[_rests_on(job)] = stars


def _rests_on(job: Job) -> str:
    scale = job.payload["hints"]["scale_arcsec_per_px"]
    return digest([job.item, job.parts["reduced frame"], job.payload["params"], scale])
