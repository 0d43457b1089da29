"""What the header of one frame says, in this project's words."""

from dataclasses import dataclass


@dataclass(frozen=True)
class FrameFacts:
    """One raw frame as classify records it; None is "not known", and each of `problems` fails the frame.

    `mjd_utc` is mid-exposure, `date_obs` the start (ISO, UTC). Sizes and the window are in binned pixels;
    `scale_arcsec_per_px` is that of the binned pixels. `angle_deg` is what the header says, moved by whole
    periods of the analyser to be near one of its nominal angles (135 -> -45, but 22.48 stays).
    """

    instrument: str
    telescope: str
    night: str | None
    kind: str | None
    mode: str | None
    band: str | None
    filter: str | None
    angle_deg: float | None
    exptime_s: float | None
    mjd_utc: float | None
    date_obs: str | None
    width_px: int | None
    height_px: int | None
    binning_x: int
    binning_y: int
    window_x0: int
    window_y0: int
    object_name: str | None
    ra_deg: float | None
    dec_deg: float | None
    scale_arcsec_per_px: float
    flipped: bool = False
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class CheckRow:
    """One fact, where it came from and what is wrong with it: a line of `iop4 doctor instrument`."""

    field: str
    value: object
    origin: str
    problem: str | None
