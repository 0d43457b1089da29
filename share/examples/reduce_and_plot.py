"""Reduce what is due, tell what failed, write each target's polarimetry and draw its light curve.

python reduce_and_plot.py ARCHIVE [FOLDER FOR THE FILES]
"""

import sys
from pathlib import Path

from iop4cli import Archive
from iop4cli.errors import NoSuchItem

archive = Archive(sys.argv[1])
folder = Path(sys.argv[2] if len(sys.argv) > 2 else ".")

run = archive.run()
print(f"{len(run.done)} done, {len(run.current)} up to date")
for row in (*run.failed, *run.impossible):
    if row.news:
        print(f"{row.step} {row.name}: {row.reason}")

table = archive.results(mode="pol", targets=True)
for source in table["source"].unique().sort():
    archive.export(folder / f"{source}.csv", source=source, mode="pol")
    try:
        archive.plot("lightcurve", source, unwrap=True, output=folder / f"{source}.png")
    except NoSuchItem as nothing:
        print(nothing)
sys.exit(run.exit_code)
