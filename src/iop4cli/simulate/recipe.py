"""What a simulated night should be like."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from iop4cli.simulate.cameras import BANDS, Calibration, Camera, camera_named
from iop4cli.simulate.errors import SimulationError
from iop4cli.simulate.seeds import stream
from iop4cli.simulate.truth import TargetWish

MODES = ("phot", "pol", "both")


@dataclass(frozen=True)
class NightRecipe:
    """A night to simulate; equal recipes give equal frames, bit by bit.

    `night` is the evening's date. Without `targets`, `n_targets` of those up at 22 h UTC are drawn. A group
    is four polarised frames, or one frame in each of `bands`. `size_px` cuts the camera to its middle (quick
    tests); 1024 means the whole field binned 2 x 2. `cloudy_frames` are numbers of light frames, from 0,
    with an opaque sky. `draw_calibration` draws the instrument's polarisation within its errors.
    """

    instrument: str
    mode: str
    night: str
    seed: int = 1
    targets: tuple[str, ...] = ()
    n_targets: int = 2
    groups_per_target: int = 1
    bands: tuple[str, ...] = ("R",)
    exposure_s: float | None = None
    transparency_rms: float = 0.05
    seeing_arcsec: float = 2.0
    seeing_rms: float = 0.10
    pointing_rms_arcsec: float = 15.0
    image_angle_deg: float | None = None
    distortion: float = 0.0
    field_polarisation_rms: float = 0.002
    target_mag: float | None = None
    target_p: float | None = None
    target_chi_deg: float | None = None
    draw_calibration: bool = False
    size_px: int | None = None
    n_bias: int = 7
    n_flats: int = 5
    noise: bool = True
    cosmic_rays: bool = True
    hot_pixels: bool = True
    header_variants: bool = True
    cloudy_frames: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise SimulationError(f"mode {self.mode!r} is not one of {', '.join(MODES)}")
        try:
            evening = date.fromisoformat(self.night)
        except ValueError:
            raise SimulationError(f"night {self.night!r} is not a date like 2022-09-08") from None
        if evening.isoformat() != self.night:
            raise SimulationError(f"night {self.night!r} is not written like {evening.isoformat()}")
        unknown = [band for band in self.bands if band not in BANDS]
        if unknown or not self.bands:
            raise SimulationError(f"bands {self.bands!r}: choose from {', '.join(BANDS)}")
        if self.groups_per_target < 1 or self.n_targets < 1:
            raise SimulationError("a night needs at least one target and one group of each")
        if self.size_px is not None and self.size_px < 64:
            raise SimulationError("size_px must be 64 or more")
        camera_named(self.instrument, self.night)

    @property
    def evening_mjd(self) -> float:
        """MJD of 0 h UTC of the evening's date."""
        return float(date.fromisoformat(self.night).toordinal() - date(1858, 11, 17).toordinal())

    @property
    def camera(self) -> Camera:
        return camera_named(self.instrument, self.night)

    @property
    def image_size_px(self) -> int:
        return self.size_px or self.camera.size_px

    @property
    def binning(self) -> int:
        return 2 if self.image_size_px == self.camera.size_px // 2 else 1

    @property
    def scale_arcsec(self) -> float:
        return self.camera.scale_arcsec * self.binning

    @property
    def wish(self) -> TargetWish:
        return TargetWish(self.target_mag, self.target_p, self.target_chi_deg)

    @property
    def angle_deg(self) -> float:
        """Position angle of the image's +y axis: any, the same all night."""
        if self.image_angle_deg is not None:
            return self.image_angle_deg
        return float(stream("rotator", self.instrument, self.night, self.seed).uniform(0, 360))

    @property
    def calibration(self) -> Calibration:
        """The instrument's polarisation that night; its errors are drawn once per instrument and seed."""
        table = self.camera.polarisation
        if not self.draw_calibration:
            return table
        q, u, z = stream("calibration", self.instrument, self.seed).standard_normal(3)
        return Calibration(
            table.q + q * table.q_err,
            table.u + u * table.u_err,
            table.angle_zero_deg + z * table.angle_zero_err_deg,
        )
