"""The cameras as the simulator knows them: its own facts, so that a wrong figure elsewhere shows up."""

from __future__ import annotations

from dataclasses import dataclass, field

from iop4cli.simulate.errors import SimulationError

BANDS = ("B", "V", "R", "I", "Ha")
POLARISER_ANGLES_DEG = (-45, 0, 45, 90)


@dataclass(frozen=True)
class Calibration:
    """What the instrument does to polarised light: chi on the sky = chi in the instrument + angle zero."""

    q: float
    u: float
    angle_zero_deg: float
    q_err: float = 0.0
    u_err: float = 0.0
    angle_zero_err_deg: float = 0.0


@dataclass(frozen=True)
class Camera:
    """A CCD camera on its telescope; `zero_points` are the magnitudes that give one electron per second."""

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

    def works_on(self, night: str) -> bool:
        """Whether the telescope carried this camera on that night."""
        return self.first_night <= night <= self.last_night

    def instrume(self, night: str) -> str:
        """INSTRUME as the camera's software wrote it on that night."""
        return "Andor" if self.name == "AndorT150" and night < "2023-01-11" else self.name


_T90_ZERO_POINTS = {"B": 21.2, "V": 21.6, "R": 21.55, "I": 21.0, "Ha": 18.6}
_T150_ZERO_POINTS = {band: zero_point + 1.1 for band, zero_point in _T90_ZERO_POINTS.items()}
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
