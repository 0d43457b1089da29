"""What a simulated night should be like."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from iop4cli.simulate.cameras import BANDS, POLARISER_ANGLES_DEG, Calibration, Camera, camera_named
from iop4cli.simulate.errors import SimulationError
from iop4cli.simulate.seeds import stream
from iop4cli.simulate.truth import TargetWish

MODES = ("phot", "pol", "both")
BEAMS = ("O", "E")
_LARGEST_IMBALANCE = 0.3


@dataclass(frozen=True)
class NightRecipe:
    """A night to simulate; equal recipes give equal frames, bit by bit.

    `night` is the evening's date. Without `targets`, `n_targets` of those up at 22 h UTC are drawn. A group
    is four polarised frames, or one frame in each of `bands`. `size_px` cuts the camera to its middle (quick
    tests); 1024 means the whole field binned 2 x 2. `cloudy_frames` are numbers of light frames, from 0,
    with an opaque sky. Without `star_noise` the stars' photons come as expected, and all other noise is the
    same whatever the transparency. `draw_calibration` draws the instrument's polarisation within its errors;
    `instrument_polarisation` is another than the camera's: q, u, angle zero (degrees), and the share of any
    polarisation that its analyser leaves.
    `star_density` multiplies the number of made-up stars: fewer are a part of the usual ones, more are
    fainter than those of the shipped index.

    With two beams a group is a turn of the plate, of `n_angles` positions if not the camera's usual number.
    `beam_imbalance` is k: O is multiplied by 1 + k, E by 1 - k. `companion` is the beam of the target (O or
    E) on which the other image of a made-up neighbour of R = `companion_mag` (the target's own if None)
    falls; in `block_beam` the target cannot be seen. DIPOL begins each target with a photometric exposure of
    the whole field unless `full_frame` is False, and reads a window of `window_px` in polarimetry. `flip`
    reverses the rows of the image, which mirrors the sky and turns the sign of E - O in y unless `flip_beams` is
    False; `flip_full` is the same for the whole frames (like `flip` if None).
    `unbinned` reads DIPOL's pixels one by one, each as deep and as noisy as a binned one: all that counts in pixels,
    but for `size_px` and `window_px`, is twice as large.
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
    instrument_polarisation: tuple[float, float, float, float] | None = None
    size_px: int | None = None
    n_bias: int = 7
    n_flats: int = 5
    noise: bool = True
    star_noise: bool = True
    cosmic_rays: bool = True
    hot_pixels: bool = True
    header_variants: bool = True
    cloudy_frames: tuple[int, ...] = ()
    n_darks: int = 5
    star_density: float = 1.0
    n_angles: int | None = None
    beam_imbalance: float = 0.0
    companion: str | None = None
    companion_mag: float | None = None
    block_beam: str | None = None
    full_frame: bool = True
    window_px: tuple[int, int] | None = None
    flip: bool = False
    flip_full: bool | None = None
    flip_beams: bool = True
    unbinned: bool = False

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
        if self.star_density < 0:
            raise SimulationError("star_density must be 0 or more")
        camera = camera_named(self.instrument, self.night)
        missing = [band for band in self.bands if band not in camera.zero_points]
        if missing:
            raise SimulationError(f"{self.instrument} has no filter {missing[0]}")
        self._check_beams(camera)

    def _check_beams(self, camera: Camera) -> None:
        for name in ("companion", "block_beam"):
            if getattr(self, name) not in (None, *BEAMS):
                raise SimulationError(f"{name} {getattr(self, name)!r} is neither O nor E")
        asked = self.n_angles, self.beam_imbalance, self.companion, self.block_beam
        if camera.beams is None:
            if any(asked):
                raise SimulationError(f"{camera.name} has one beam and no plate to turn")
        elif self.n_angles not in (None, *camera.beams.angle_counts):
            choice = camera.beams.angle_counts or (len(camera.beams.plate_angles_deg),)
            raise SimulationError(f"n_angles {self.n_angles}: {camera.name} takes {', '.join(map(str, choice))}")
        if abs(self.beam_imbalance) > _LARGEST_IMBALANCE:
            raise SimulationError(f"beam_imbalance {self.beam_imbalance} is beyond {_LARGEST_IMBALANCE}")
        if camera.window_px is None and (self.flip or self.flip_full or self.window_px):
            raise SimulationError(f"{camera.name} is not turned on a pier and reads no window")
        if self.unbinned and (camera.beams is None or camera.binning == 1):
            raise SimulationError(f"{camera.name} is not binned")

    @property
    def evening_mjd(self) -> float:
        """MJD of 0 h UTC of the evening's date."""
        return float(date.fromisoformat(self.night).toordinal() - date(1858, 11, 17).toordinal())

    @property
    def camera(self) -> Camera:
        return camera_named(self.instrument, self.night)

    @property
    def image_size_px(self) -> int:
        return self.size_px or self.camera.size_px * self.pixels_per_usual

    @property
    def image_height_px(self) -> int:
        """Rows of a whole frame: a cut keeps the shape of the camera."""
        height_px = self.camera.height_px or self.camera.size_px
        return round(self.image_size_px * height_px / self.camera.size_px)

    @property
    def binning(self) -> int:
        if self.camera.beams:
            return 1 if self.unbinned else self.camera.binning
        return 2 if self.image_size_px == self.camera.size_px // 2 else 1

    @property
    def scale_arcsec(self) -> float:
        return self.camera.scale_arcsec * self.binning / self.camera.binning

    @property
    def pixels_per_usual(self) -> int:
        """Pixels along the side of one at the camera's usual binning."""
        return self.camera.binning if self.unbinned else 1

    @property
    def angles_deg(self) -> tuple[float, ...]:
        """Positions of the polarised filter, or of the half-wave plate, in the order of exposure."""
        beams = self.camera.beams
        return beams.plate_angles_deg[: self.n_angles] if beams else POLARISER_ANGLES_DEG

    @property
    def wish(self) -> TargetWish:
        return TargetWish(self.target_mag, self.target_p, self.target_chi_deg)

    @property
    def angle_deg(self) -> float:
        """Position angle of the image's +y axis: any, the same all night, unless the camera is fixed."""
        if self.image_angle_deg is not None:
            return self.image_angle_deg
        rotator = stream("rotator", self.instrument, self.night, self.seed)
        if self.camera.image_angle_deg is None:
            return float(rotator.uniform(0, 360))
        mean_deg, spread_deg = self.camera.image_angle_deg
        return float(mean_deg + spread_deg * rotator.uniform(-1, 1))

    @property
    def calibration(self) -> Calibration:
        """The instrument's polarisation that night; its errors are drawn once per instrument and seed."""
        if self.instrument_polarisation is not None:
            q, u, angle_zero_deg, efficiency = self.instrument_polarisation
            return Calibration(q, u, angle_zero_deg, efficiency=efficiency)
        table = self.camera.polarisation
        if not self.draw_calibration:
            return table
        q, u, z = stream("calibration", self.instrument, self.seed).standard_normal(3)
        return Calibration(
            table.q + q * table.q_err,
            table.u + u * table.u_err,
            table.angle_zero_deg + z * table.angle_zero_err_deg,
        )
