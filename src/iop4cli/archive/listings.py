"""The tables that people look through: frames, results, sources, masters, the log."""

from __future__ import annotations

from collections.abc import Sequence

from iop4cli.archive.pages import Listing

_STEP = "list_position(['classify', 'mkmaster', 'reduce', 'solve', 'phot', 'pol', 'correct'], step)"
# The step that a frame has come to; one in which it failed tells more than a later one that waits for it.
_FRAMES = f"""(
    select f.name, f.telescope || '/' || f.night::text as epoch, f.telescope, f.night, f.filename, f.instrument, f.kind,
        f.target, f.object, f.band, f.angle_deg, f.exptime_s, f.mjd_utc, f.mode,
        coalesce(s.step || ' ' || s.status, 'classify ' || f.status) as status,
        coalesce(nullif(s.reason, ''), nullif(f.reason, '')) as reason
    from frame f left join (
        select name, unnest(arg_max(struct_pack(step, status, reason),
            {_STEP} + case status when 'done' then 0 when 'blocked' then -20 else 10 end))
        from item group by name) s on s.name = f.name)"""

FRAMES = Listing(
    "frames", _FRAMES, "name",
    ("name", "kind", "target", "band", "angle_deg", "status", "reason", "epoch", "telescope", "night", "filename",
     "instrument", "object", "exptime_s", "mjd_utc", "mode"),
    ("name", "kind", "target", "band", "angle_deg", "status", "reason"),
    ("name", "kind", "target", "object", "status", "reason"), "name",
)  # fmt: skip

_MASTERS = """(
    select name, kind, telescope || '/' || night::text as epoch, night, instrument, band, angle_deg, n_frames,
        n_rejected, level, scatter, noise_ratio, read_noise_e, n_bad,
        accepted, coalesce(nullif(reason, ''), flaw) as reason from master)"""

MASTERS = Listing(
    "masters", _MASTERS, "name",
    ("name", "kind", "epoch", "night", "instrument", "band", "angle_deg", "n_frames", "n_rejected", "level", "scatter",
     "noise_ratio", "read_noise_e", "n_bad", "accepted", "reason"),
    ("name", "accepted", "n_frames", "level", "scatter", "n_bad", "reason"),
    ("name", "instrument", "reason"), "night", True,
)  # fmt: skip

_SOURCES = """(
    select s.name, s.kind, s.ra_deg, s.dec_deg, s.redshift,
        (select count(*) from calibrates c where c.target = s.name) as calibrators,
        (select string_agg(target, ', ' order by target) from calibrates c where c.calibrator = s.name) as calibrates,
        coalesce(m.results, 0) as results, m.last_night, s.other_names::text as other_names, s.reference, s.comment
    from source s left join (
        select source, count(*) as results, max(night) as last_night from measurement group by source
    ) m on m.source = s.name)"""

SOURCES = Listing(
    "sources", _SOURCES, "name",
    ("name", "kind", "ra_deg", "dec_deg", "redshift", "calibrators", "calibrates", "results", "last_night",
     "other_names", "reference", "comment"),
    ("name", "kind", "results", "last_night", "calibrators", "calibrates", "ra_deg", "dec_deg"),
    ("name", "kind", "other_names", "calibrates", "comment"), "name",
)  # fmt: skip

LOG = Listing(
    "log", "(select *, rowid as n from log)", "n",
    ("time_utc", "level", "step", "item", "message", "run", "n"),
    ("time_utc", "level", "step", "item", "message"),
    ("item", "message", "step", "run"), "time_utc",
)  # fmt: skip

_RESULTS_SHOWN = (
    "source", "night", "mode", "band", "mag", "mag_err", "p", "p_err", "chi_deg", "chi_err_deg", "flags",
    "quality_text",
)  # fmt: skip


def results_listing(columns: Sequence[str]) -> Listing:
    """The view `results`, of which archive.results.result_columns knows the columns."""
    return Listing(
        "results", "results", "id", tuple(columns), _RESULTS_SHOWN,
        ("id", "source", "instrument", "band", "mode", "night", "flags", "quality_text"), "mjd_utc", True,
    )  # fmt: skip
