"""The polarimetric calibrations of an archive."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iop4cli.api.frames import frame_of

if TYPE_CHECKING:
    import polars as pl

    from iop4cli.api.archive import Archive


class Calibrations:
    """Instrumental polarisation, zero angle and efficiency: fitted, listed, accepted by people."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive

    def fit(
        self, instrument: str, *, band: str | None = None, since: str | None = None, until: str | None = None,
        standards: str | Path | None = None, doubtful: bool = False, hold: Sequence[str] = (),
        zero_scatter: float | None = None, name: str | None = None, accept: bool = False, dry_run: bool = False,
    ) -> dict[str, Any]:  # fmt: skip
        """Fit a calibration to the archive's own results of standard stars, and keep it as proposed.

        Parameters
        ----------
        since, until
            Nights, inclusive: of the standards, and for which the calibration holds.
        standards
            Another table of standards (CSV or ECSV) than the shipped one; `doubtful`: also those that it marks.
        hold
            What is kept as known before: "polarisation", "zero-angle", "efficiency".
        zero_scatter
            To what q and u of unpolarised standards are 0, a fraction; None: 0.0004.

        Returns
        -------
        dict
            The row of the table `calibration` (q_inst and u_inst are fractions, zero_angle_deg degrees, with errors),
            and `residuals`, a list with one entry for each result of a standard, and `covariance` (4 x 4, of q_inst,
            u_inst, zero_angle_deg and efficiency).
        """
        from iop4cli.archive.people import add_calibration, decide_calibration, who
        from iop4cli.commands.calib_fit import held_numbers
        from iop4cli.pipeline.calibrating import ZERO_SCATTER, FitRequest, fit_calibration

        held = [parameter for what in hold for parameter in held_numbers(what)]
        table = None if standards is None else Path(standards).expanduser()
        scatter = ZERO_SCATTER if zero_scatter is None else zero_scatter
        request = FitRequest(instrument, band, since, until, table, doubtful, tuple(held), scatter)
        view = self._archive.view()
        fitted = fit_calibration(view, request, name)
        if not dry_run:
            add_calibration(view.store, fitted.row, who())
            if accept:
                decide_calibration(view.store, fitted.row["name"], who(), accepted=True)
        return {**fitted.row, "residuals": fitted.results, "covariance": fitted.fit.cov.tolist()}

    def list(self, *, instrument: str | None = None, band: str | None = None) -> pl.DataFrame:
        """All calibrations, the archive's own after those of the instruments' files."""
        from iop4cli.commands.calib_choosing import all_calibrations
        from iop4cli.commands.calib_showing import LIST_COLUMNS, row_of

        return frame_of([row_of(one) for one in all_calibrations(self._archive.view(), instrument, band)], LIST_COLUMNS)

    def show(self, name: str) -> dict[str, Any]:
        """All about one: numbers, correlations, measurements, decisions and the results that use it."""
        from iop4cli.commands.calib_choosing import calibrations_named
        from iop4cli.commands.calib_showing import document_of
        from iop4cli.shell.output import plain

        view = self._archive.view()
        shown: dict[str, Any] = plain(document_of(view.store, calibrations_named(view, name)[0]))
        return shown

    def accept(self, name: str, reason: str = "") -> None:
        """Let `pol` use a calibration; the results of its instrument, band and nights become due."""
        self._decide(name, reason, accepted=True)

    def reject(self, name: str, reason: str = "") -> None:
        """Use a calibration no more (it is kept); results that used it become due."""
        self._decide(name, reason, accepted=False)

    def export(self, path: str | Path, *names: str, format: str | None = None) -> None:
        """Write calibrations (those accepted, if none is named) as entries for an instrument's file, or as ECSV."""
        from iop4cli.commands.calib_choosing import calibrations_as_text
        from iop4cli.export.atomic import write_text

        to = Path(path).expanduser()
        write_text(to, calibrations_as_text(self._archive.view(), names, format, to))

    def _decide(self, name: str, reason: str, *, accepted: bool) -> None:
        from iop4cli.archive.people import decide_calibration, who
        from iop4cli.commands.calib_choosing import own_calibration
        from iop4cli.pipeline.calibrations import ACCEPTED, REJECTED

        view = self._archive.view()
        one = own_calibration(view, name)
        if one.status != (ACCEPTED if accepted else REJECTED):
            decide_calibration(view.store, one.name, who(), accepted=accepted, reason=" ".join(reason.split()))
