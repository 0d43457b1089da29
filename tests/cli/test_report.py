"""iop4 report: the night on one page."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from small_archives import NIGHT, SmallArchive

from iop4cli.archive.store import Store

TARGET = "2200+420"
HOSTILE = '<script>alert("x")</script> | `b` [c](http://evil.example) *d* _e_'
FLAG = "<b>cloud & moon</b>"
OFF_STAR, OFF_MAG = "BL Lacertae B", 0.5
# Elements that HTML closes by itself.
VOID = {"meta", "br", "hr", "link", "img"}


@dataclass
class Seen(HTMLParser):
    """What a browser would find: elements, attributes, text, tables cell by cell."""

    tags: list[str] = field(default_factory=list)
    attributes: list[tuple[str, str, str]] = field(default_factory=list)
    headings: list[str] = field(default_factory=list)
    tables: list[list[list[str]]] = field(default_factory=list)
    text: str = ""
    style: str = ""
    _open: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self._open.append(tag)
        if tag in {"h1", "h2"}:
            self.headings.append("")
        elif tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in {"td", "th"}:
            self.tables[-1][-1].append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag, f"</{tag}> does not close what is open"

    def handle_data(self, data: str) -> None:
        place = self._open[-1] if self._open else ""
        if place == "style":
            self.style += data
            return
        if "svg" not in self._open:
            self.text += data
        if "td" in self._open or "th" in self._open:
            self.tables[-1][-1][-1] += data
        elif "h1" in self._open or "h2" in self._open:
            self.headings[-1] += data


def seen(page: str) -> Seen:
    parser = Seen()
    parser.feed(page)
    parser.close()
    assert parser._open == []
    return parser


def as_browser(markdown: str) -> Seen:
    return seen(MarkdownIt("commonmark").enable("table").render(markdown))


@pytest.fixture(scope="module")
def told(small_archive: SmallArchive, module_folder: Callable[[str], Path]) -> SmallArchive:
    """The small archive with five nights before, half a magnitude fainter, and what people and hostile headers say.

    Of this night one result is flagged, one has no magnitude; one master is rejected, and a frame had one of another
    night. The catalogue has one calibrator OFF_MAG too faint, as it would be had people changed it since.
    """
    archive = small_archive.copy(module_folder("told") / "archive")
    before = "".join(
        f"insert into measurement select * replace (id || '{days}' as id, night - {days} as night, "
        f"mjd_utc - {days} as mjd_utc, mag + 0.5 as mag, origin || '{days}' as origin) "
        f"from measurement where source = '{TARGET}' and night = date '{NIGHT.split('/')[1]}';"
        for days in range(1, 6)
    )
    object_name = HOSTILE.replace("'", "''")
    Store(archive.root / "iop4.duckdb").write(
        [],
        before
        + f"update frame set object = '{object_name}', target = null where name = '{NIGHT}/BLLac-0002V.fit';"
        + f"insert into note values ('{NIGHT}', 'dome closed at 2', 'me', timestamp '2022-09-09 02:10:00');"
        + "update master set accepted = false, reason = 'too unlike the last' where kind = 'flat' and angle_deg = 45;"
        + f"update reduced set master_notes = 'flat of 3 nights before' where frame = '{NIGHT}/BLLac-0001R.fit';"
        + f"update source_mag set mag = mag + {OFF_MAG} where source = '{OFF_STAR}' and band = 'R';"
        + f"update measurement set mag = null, mag_err = null, mag_reason = 'none of them' where mode = 'phot' "
        f"and source = (select min(calibrator) from calibrates where target = '{TARGET}');",
    )
    (flagged,) = archive.rows("export", "--format", "ndjson", "--source", TARGET, "--mode", "phot", NIGHT)
    assert archive.run("flag", "add", flagged["id"], "--reason", FLAG).returncode == 0
    return archive


@pytest.fixture(scope="module")
def page(told: SmallArchive) -> str:
    to = told.root.parent / "night.html"
    done = told.run("report", NIGHT, "-o", str(to))
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    return to.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def markdown(told: SmallArchive) -> str:
    done = told.run("report")
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_what_needs_a_look_is_said_first(page: str, markdown: str) -> None:
    for found in (seen(page), as_browser(markdown)):
        lead = found.text.split("OSN-T090, night of 2022-09-08")[-1].strip().splitlines()[0]
        assert lead.startswith("Needs a look: 1 item failed; 1 item impossible")


def test_both_forms_tell_the_same(page: str, markdown: str) -> None:
    written, read = seen(page), as_browser(markdown)
    assert written.headings == read.headings
    assert len(written.tables) > 7
    assert written.tables == [[[cell.strip() for cell in row] for row in table] for table in read.tables]


def test_the_html_needs_nothing_else_and_runs_nothing(page: str) -> None:
    found = seen(page)
    assert not {"script", "link", "iframe", "img", "object", "embed", "base", "form", "image"} & set(found.tags)
    assert [name for _, name, _ in found.attributes if name.startswith("on")] == []
    leading = [value for _, name, value in found.attributes if name.endswith(("href", "src", "action"))]
    assert all(value.startswith("#") for value in leading)
    assert all("//" not in value for _, _, value in found.attributes)
    assert "url(" not in found.style and "@import" not in found.style
    assert set(re.findall(r"url\((.)", page)) <= {"#"}


def test_each_target_has_its_plot_and_ids_are_its_own(page: str) -> None:
    found = seen(page)
    assert found.tags.count("svg") == 3  # one target, seeing, zero points
    ids = [value for _, name, value in found.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    used = {value[1:] for _, name, value in found.attributes if name == "href"} | set(
        re.findall(r"url\(#([^)]+)", page)
    )
    assert used <= set(ids)


def test_text_of_headers_and_people_is_text(page: str, markdown: str) -> None:
    for found in (seen(page), as_browser(markdown)):
        cells = [cell.strip() for table in found.tables for row in table for cell in row]
        assert HOSTILE in cells
        assert FLAG in cells
    assert "<script" not in page
    read = as_browser(markdown)
    assert not {"script", "b", "a", "em", "code"} & set(read.tags)


def test_what_moved_is_marked_with_its_size_and_significance(told: SmallArchive, markdown: str) -> None:
    rows = told.rows("export", "--format", "ndjson", "--source", TARGET)
    now = [row for row in rows if row["night"] == "2022-09-08"]
    earlier = [row["mag"] for row in rows if row["night"] < "2022-09-08"]
    # The flagged photometry is left out: one group is left, and of each night before a group and a frame.
    assert (len(now), len(earlier)) == (1, 10)
    (table,) = [table for table in as_browser(markdown).tables if "difference" in table[0]]
    mag, p, _ = (dict(zip(table[0], row, strict=True)) for row in table[1:])
    middle = sorted(earlier)[4:6]
    difference = now[0]["mag"] - sum(middle) / 2
    assert mag["difference"] == f"{difference:+.3f}"
    assert mag["remark"] == "moved"
    assert "5 nights" in mag["30 days before"]
    # Nights alike but for the shift: the error of the median is that of one night, 1.25 / sqrt(5) of it.
    errors = sorted(row["mag_err"] for row in rows if row["night"] < "2022-09-08")
    error = 1.2533 * (errors[4] + errors[5]) / 2 / math.sqrt(5)
    expected = abs(difference) / math.hypot(now[0]["mag_err"], error)
    assert float(mag["in sigma"]) == pytest.approx(expected, rel=0.05)
    assert (p["difference"], p["remark"]) == ("+0.00", "–")
    assert re.search(rf"Moved: {re.escape(TARGET)}: 0\.\d+ mag brighter \(\d+\.\d sigma\) in R", markdown)


def test_failures_come_with_their_reason_and_what_to_do(markdown: str) -> None:
    (table,) = [table for table in as_browser(markdown).tables if "what to do" in table[0]]
    by_step = {row[0]: dict(zip(table[0], row, strict=True)) for row in table[1:]}
    assert by_step["classify"]["what"] == "Cut-0001R.fit"
    assert "cut short" in by_step["classify"]["why"]
    assert by_step["reduce"]["status"] == "impossible"
    assert "iop4 run" in by_step["reduce"]["what to do"]


def test_results_have_errors_units_and_dashes_for_what_is_not_known(told: SmallArchive, markdown: str) -> None:
    (table,) = [table for table in as_browser(markdown).tables if "quality" in table[0]]
    shown = {row[table[0].index("mode")]: dict(zip(table[0], row, strict=True)) for row in table[1:]}
    (group,) = told.rows("export", "--format", "ndjson", "--mode", "pol", "--source", TARGET, NIGHT)
    assert shown["pol"]["mag"] == f"{group['mag']:.3f} ± {group['mag_err']:.3f}"
    assert shown["pol"]["p (%)"] == f"{100 * group['p']:.2f} ± {100 * group['p_err']:.2f}"
    assert shown["pol"]["χ (deg)"] == f"{group['chi_deg']:.1f} ± {group['chi_err_deg']:.1f}"
    assert (shown["phot"]["p (%)"], shown["phot"]["flagged"].strip()) == ("–", FLAG)


def test_masters_magnitudes_and_fallbacks_are_told(markdown: str) -> None:
    found = as_browser(markdown)
    assert "rejected: too unlike the last" in found.text
    assert "flat of 3 nights before: 1 frame (BLLac-0001R.fit)" in found.text
    (table,) = [table for table in found.tables if table[0][-1] == "why" and "results" in table[0]]
    assert [row[-1] for row in table[1:]] == ["none of them"]
    assert "5 of 5 frames solved" in found.text
    assert re.search(r"FWHM \d\.\d\d arcsec \(median of 5 frames\)", found.text)


def test_a_doubtful_calibrator_is_named_with_its_numbers_and_what_to_do(told: SmallArchive, markdown: str) -> None:
    found = as_browser(markdown)
    health = {row["source"]: row for row in told.rows("catalog", "health", "--json")}
    assert health[OFF_STAR]["verdict"] == "offset"
    (table,) = [table for table in found.tables if "doubt" in table[0]]
    shown = {row[0]: dict(zip(table[0], row, strict=True)) for row in table[1:]}
    assert set(shown) == {name for name, row in health.items() if row["verdict"] != "good"}
    row = shown[OFF_STAR]
    error = health[OFF_STAR]["mean_err_mag"]
    off = re.fullmatch(rf"offset: (\d\.\d+) ± {error:.3f} mag brighter than catalogued", row["doubt"])
    assert off
    assert abs(float(off[1]) - OFF_MAG) < 4 * error
    assert row["of"] == TARGET
    # It counted in all of them, for the catalogue was right when they were measured.
    asked = f"select id from measurement where source = '{TARGET}' and night = date '{NIGHT.split('/')[1]}'"
    n = len(Store(told.root / "iop4.duckdb").rows(asked))
    assert row["in zero points"] == f"{n} of {n}"
    assert f"iop4 catalog health '{OFF_STAR}'" in found.text
    assert f"Doubtful calibrator: {OFF_STAR} (offset in R" in found.text


def test_without_a_doubt_the_calibrators_are_one_line(small_archive: SmallArchive) -> None:
    found = as_browser(small_archive.run("report").stdout)
    n = len({row["source"] for row in small_archive.rows("catalog", "health", "--json")})
    assert n > 1
    assert f"None of the {n} calibrators of these targets is doubtful" in found.text
    assert "Doubtful calibrators" not in found.headings


def test_what_people_said_of_the_night_is_there_with_name_and_time(markdown: str) -> None:
    (table,) = [table for table in as_browser(markdown).tables if table[0][0] == "who"]
    assert ["me", "2022-09-09 02:10", NIGHT, "dome closed at 2"] in table
    assert FLAG in [row[-1] for row in table]


def test_a_night_without_trouble_is_all_well(small_archive: SmallArchive, tmp_path: Path) -> None:
    archive = small_archive.copy(tmp_path / "archive")
    bad = ("Cut-0001R.fit", "BLLac-0002V.fit")
    names = ", ".join(f"'{NIGHT}/{name}'" for name in bad)
    Store(archive.root / "iop4.duckdb").write(
        [], f"delete from item where name in ({names}); delete from frame where name in ({names});"
        "update item set reason = null where status = 'done';"
    )  # fmt: skip
    for name in bad:
        (archive.root / "raw" / NIGHT / name).unlink()
    assert "**All well.**" in archive.run("report").stdout


def test_files_that_nobody_has_looked_at_make_a_night_too(small_archive: SmallArchive, tmp_path: Path) -> None:
    """Else the report of a night on which everything stopped would be that of the night before."""
    archive = small_archive.copy(tmp_path / "archive")
    folder = archive.root / "raw" / "OSN-T090" / "2022-09-09"
    folder.mkdir()
    (folder / "new.fit").write_bytes(b"")
    said = archive.run("report").stdout
    assert "night of 2022-09-09" in said
    assert "Needs a look: 1 file not classified yet." in said


def test_cron_hears_nothing_of_a_success(told: SmallArchive) -> None:
    done = told.process("report", "-q", "--save")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    saved = told.root / "reports" / f"{NIGHT}.html"
    assert seen(saved.read_text(encoding="utf-8")).headings[0] == "OSN-T090, night of 2022-09-08"


def test_nights_are_chosen_by_name_date_and_time(told: SmallArchive) -> None:
    for arguments, stdin in ((["T090/220908"], ""), (["2022-09-08"], ""), (["OSN-*/2022-09-*"], ""), (["-"], NIGHT)):
        assert told.run("report", *arguments, stdin=stdin).stdout.count("night of 2022-09-08") == 1
    assert "night of 2022-09-08" in told.run("report", "--since", "220901", "--until", "220908").stdout


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["2022-09-07"], 4, "iop4 status"),
        (["yesterday"], 2, "not a night"),
        (["-o", "night.pdf"], 2, ".html or .md"),
        (["--mail-if", "problem"], 2, "did you mean 'problems'"),
        (["--since", "2022-09-09"], 0, "no night to report on"),
        (["--mail"], 2, "mail.host is not set"),
    ],
)
def test_what_cannot_be_is_said(told: SmallArchive, arguments: list[str], code: int, said: str) -> None:
    done = told.run("report", *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr


def test_a_report_changes_nothing_in_the_store(told: SmallArchive) -> None:
    before = (told.root / "iop4.duckdb").read_bytes()
    told.run("report")
    assert (told.root / "iop4.duckdb").read_bytes() == before


_MARKS_OF_MARKDOWN = ("# a", "- b", "1. c", "> d", "&lt;e&gt;", "\\| f \\", "__g__ ~~h~~ <i", "+ j", "=== k", "---")


def test_escapes_hold_whatever_the_text() -> None:
    """Each text comes back as it was from a table cell, an item and a paragraph of both forms."""
    from iop4cli.export.report_html import html
    from iop4cli.export.report_markdown import markdown
    from iop4cli.export.report_page import Listing, Page, Paragraph, table

    for text in (HOSTILE, *_MARKS_OF_MARKDOWN, "a\x1b[31m", "x" * 300):
        blocks = (Paragraph(text), Listing((text,)), table(("a", "b"), [(text, "1")]))
        pages = [Page(text, Paragraph(text, "bad"), blocks)]
        for found in (seen(html(pages)), as_browser(markdown(pages))):
            wanted = text.replace("\x1b", "\N{REPLACEMENT CHARACTER}")
            assert found.headings == [wanted]
            assert found.tables[0][1][0].strip() == wanted
            assert found.text.count(wanted) >= 4
            assert "\x1b" not in found.text
