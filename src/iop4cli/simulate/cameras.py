"""The cameras as the simulator knows them: its own facts, so that a wrong figure elsewhere shows up."""

from __future__ import annotations

from dataclasses import dataclass, field

from iop4cli.simulate.errors import SimulationError

BANDS = ("B", "V", "R", "I", "Ha")
POLARISER_ANGLES_DEG = (-45, 0, 45, 90)


@dataclass(frozen=True)
class Calibration:
    """What the instrument does to polarised light: chi on the sky = chi in the instrument + angle zero.

    `efficiency`: what its analyser leaves of any modulation, that by (q, u) of the instrument too.
    """

    q: float
    u: float
    angle_zero_deg: float
    q_err: float = 0.0
    u_err: float = 0.0
    angle_zero_err_deg: float = 0.0
    efficiency: float = 1.0


@dataclass(frozen=True)
class Beams:
    """A retarder and the two images of each star behind it: E lies at (dx, dy) of O, in pixels as written.

    The displacement changes by up to half its spread from night to night. `without_plate`: photometry shows
    both images too. `flat_per_angle`: flats are taken at each angle of the plate. No `angle_counts`: the
    plate's positions cannot be chosen.
    """

    dx_px: float
    dy_px: float
    dx_spread_px: float
    dy_spread_px: float
    plate_angles_deg: tuple[float, ...]
    angle_counts: tuple[int, ...] = ()
    without_plate: bool = False
    flat_per_angle: bool = True


@dataclass(frozen=True)
class Camera:
    """A camera on its telescope; `zero_points` are the magnitudes that give one electron per second.

    `size_px` is the width, `height_px` the same unless given. `window_px` (width, height) is the part that
    is read in polarimetry, `image_angle_deg` the mean and spread of the position angle of +y where it is
    fixed.
    """

    name: str
    telescope_folder: str
    telescop: str
    scale_arcsec: float
    size_px: int
    gain_e_per_adu: float
    read_noise_e: float
    bias_adu: float
    full_well_e: float
    ccd_temp_c: float
    polarisation: Calibration
    first_night: str = "0000-00-00"
    last_night: str = "9999-99-99"
    zero_points: dict[str, float] = field(default_factory=dict)
    height_px: int | None = None
    binning: int = 1
    dark_e_per_s: float | None = None
    hot_fraction: float = 1.5e-5
    readout_s: float = 14.0
    beams: Beams | None = None
    window_px: tuple[int, int] | None = None
    image_angle_deg: tuple[float, float] | None = None

    def works_on(self, night: str) -> bool:
        """Whether the telescope carried this camera on that night."""
        return self.first_night <= night <= self.last_night

    def instrume(self, night: str) -> str:
        """INSTRUME as the camera's software wrote it on that night."""
        return "Andor" if self.name == "AndorT150" and night < "2023-01-11" else self.name


_T90_ZERO_POINTS = {"B": 21.2, "V": 21.6, "R": 21.55, "I": 21.0, "Ha": 18.6}
_T150_ZERO_POINTS = {band: zero_point + 1.1 for band, zero_point in _T90_ZERO_POINTS.items()}
# A larger mirror, and more glass in front of the chip.
_CAFOS_ZERO_POINTS = {band: zero_point + 1.3 for band, zero_point in _T90_ZERO_POINTS.items()}
_DIPOL_ZERO_POINTS = {"B": 20.9, "V": 21.2, "R": 21.3}
_T90_POLARISATION = Calibration(0.0579, 0.0583, -18.0, 0.0030, 0.0023, 0.001)

CAMERAS = {
    camera.name: camera
    for camera in (
        Camera(
            "AndorT90", "OSN-T090", "T90-OSN", 0.387, 2048, 4.5, 7.5, 1010.0, 350_000.0, -90.0,
            _T90_POLARISATION, first_night="2021-10-23", zero_points=_T90_ZERO_POINTS,
        ),
        Camera(
            "RoperT90", "OSN-T090", "T90-OSN", 0.387, 2048, 7.14, 9.0, 320.0, 520_000.0, -80.0,
            _T90_POLARISATION, last_night="2021-10-22", zero_points=_T90_ZERO_POINTS,
        ),
        Camera(
            "AndorT150", "OSN-T150", "T150-OSN", 0.232, 2048, 4.5, 7.5, 990.0, 350_000.0, -90.0,
            Calibration(0.0158, 0.0382, 0.1, 0.0041, 0.0078, 0.001), zero_points=_T150_ZERO_POINTS,
        ),
        Camera(
            "CAFOS", "CAHA-T220", "CA-2.2", 0.530, 800, 1.45, 5.0, 680.0, 160_000.0, -95.0,
            Calibration(0.0, 0.0, -1.5, 0.0005, 0.0005, 1.5), zero_points=_CAFOS_ZERO_POINTS,
            readout_s=20.0,
            beams=Beams(35.72, 0.20, 1.34, 1.02, (0.0, 22.48, 44.98, 67.48)),
        ),
        Camera(
            "DIPOL", "OSN-T090", "T90-OSN", 0.134, 4144, 1.0, 3.0, 500.0, 65_535.0, -10.0,
            Calibration(0.0004, -0.0455, 41.0, 0.0007, 0.0007, 3.0), zero_points=_DIPOL_ZERO_POINTS,
            height_px=2822, binning=2, dark_e_per_s=0.05, hot_fraction=1e-4, readout_s=2.0,
            beams=Beams(
                209.0, -13.0, 12.0, 16.0, tuple(22.5 * step for step in range(16)), (4, 8, 16),
                without_plate=True, flat_per_angle=False,
            ),
            window_px=(1120, 896), image_angle_deg=(177.6, 2.3),
        ),
    )
}  # fmt: skip

# Brightness of a dark sky, magnitudes per square arcsecond.
SKY_BRIGHTNESS = {"B": 22.3, "V": 21.3, "R": 20.5, "I": 19.3, "Ha": 20.5}


def camera_named(name: str, night: str) -> Camera:
    """The camera of that name, or an error that says which exist or when it was in use."""
    if name not in CAMERAS:
        raise SimulationError(f"no camera {name!r} to simulate: there are {', '.join(CAMERAS)}")
    camera = CAMERAS[name]
    if not camera.works_on(night):
        raise SimulationError(
            f"{name} was not in use on {night}: its nights are {camera.first_night} to {camera.last_night}"
        )
    return camera
