"""Servers on loopback that answer as the catalogue services do, slowly or not at all if they are told to."""

from __future__ import annotations

import csv
import io
import math
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

# The default columns of the service's mean table that matter here; what it does not know is -999.
MEAN_COLUMNS = ("objName", "objID", "raMean", "decMean", "nDetections", "ng", "nr", "ni", "nz", "ny",
                *(f"{band}MeanPSFMag{word}" for band in "grizy" for word in ("", "Err", "Std", "Npt")))  # fmt: skip


def star(number: int, ra: float, dec: float, g: float, r: float, i: float, **others: float) -> dict[str, float]:
    """A row of the service: a steady star with errors that tell the bands apart, unless `others` say more."""
    row = dict.fromkeys(MEAN_COLUMNS, -999.0)
    row |= {"objID": 158250330000000000 + number, "raMean": ra, "decMean": dec, "nDetections": 60}
    for band, mag, err in (("g", g, 0.003), ("r", r, 0.002), ("i", i, 0.004)):
        row |= {f"{band}MeanPSFMag": mag, f"{band}MeanPSFMagErr": err, f"{band}MeanPSFMagStd": 0.008}
    return row | others


def as_csv(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def mean_csv(rows: Sequence[Mapping[str, Any]], query: Mapping[str, str]) -> str:
    """The cone search: the columns asked for, in that order, of what lies within and was seen often enough."""
    ra, dec, radius = (math.radians(float(query[name])) for name in ("ra", "dec", "radius"))
    columns = query["columns"].strip("[]").split(",")
    assert set(columns) <= set(MEAN_COLUMNS), columns
    inside = []
    for row in rows:
        row_ra, row_dec = math.radians(row["raMean"]), math.radians(row["decMean"])
        cosine = math.sin(dec) * math.sin(row_dec) + math.cos(dec) * math.cos(row_dec) * math.cos(row_ra - ra)
        if math.acos(min(1.0, cosine)) <= radius and row["nDetections"] >= float(query["nDetections.gte"]):
            inside.append(row)
    return as_csv(inside, columns) if inside else ""


@contextmanager
def service(answer: Any, *, code: int = 200, pause_s: float = 0.0, cut: bool = False) -> Iterator[str]:
    """The address of a server that answers with `answer(path, query)`; after it, all is shut again.

    `pause_s`: before each of the bytes; `cut`: it announces more than it sends.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
            body = answer(parts.path, query).encode()
            self.send_response(code)
            self.send_header("Content-Type", "text/csv")
            self.send_header("Content-Length", str(len(body) + (100 if cut else 0)))
            self.end_headers()
            try:
                if not pause_s:
                    self.wfile.write(body)
                for byte in body if pause_s else b"":
                    time.sleep(pause_s)
                    self.wfile.write(bytes([byte]))
            except OSError:
                pass

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads, server.block_on_close = True, False
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
