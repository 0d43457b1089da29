"""Field stars of a polarimetric group are the same star in all of its exposures."""

import numpy as np

from iop4cli.pipeline.filter_polarimeter import FilterPolarimeter

PLACES = [(110.1, 71.1), (110.2, 71.2), (110.3, 71.3)]


def rows_of(frame: str, places: list[tuple[float, float]]) -> list[dict[str, object]]:
    """Rows of `field_star` in which a star's flux is told by its place."""
    return [
        {
            "frame": frame, "star": number, "ra_deg": ra, "dec_deg": dec, "flux_e": 1e5 * (ra - 110.0),
            "flux_err_e": 10.0, "bits": 0, "radius_px": 5.0,
        }
        for number, (ra, dec) in enumerate(places)
    ]  # fmt: skip


def test_stars_are_told_by_their_place_where_their_numbers_shift() -> None:
    """A source of the catalogue lies on the second frame only: on the first its place is a field star's."""
    frames = [{"name": name, "angle_deg": angle, "exptime_s": 1.0} for name, angle in (("a", 0.0), ("b", 45.0))]
    stars = [*rows_of("a", PLACES), *rows_of("b", PLACES[1:])]
    found = FilterPolarimeter("group", {"frames": frames, "stars": stars}, "0").field_stars
    assert len(found) == 3
    assert [star.usable.tolist() for star in found] == [[True, False], [True, True], [True, True]]
    for star in found:
        assert np.ptp(star.flux[star.usable]) == 0
