"""The screens of a store at a server."""

from __future__ import annotations

from pathlib import Path

import pytest
from driving import Seat, sit

from tests.cli.small_archives import SmallArchive
from tests.served import served

pytestmark = pytest.mark.night


def test_a_result_is_flagged_at_a_server_and_what_others_write_is_seen(archive: SmallArchive) -> None:
    with served(Path(archive.root)) as server:
        store = server.store()

        async def flag(seat: Seat) -> None:
            await seat.press("3")
            await seat.filter("mode=pol 2200")
            await seat.until("1/1 results")
            await seat.press("f")
            await seat.until("Why flag 1 result?")
            await seat.type("satellite")
            await seat.press("enter")
            await seat.until(" !2200+420")
            assert store.rows("select reason from flag") == [{"reason": "satellite"}]
            store.write([], "delete from flag;")
            await seat.until(lambda: "!2200+420" not in seat.seen)
            assert "2200+420" in seat.seen

        sit(archive, flag, db=server.address)
