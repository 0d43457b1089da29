"""`iop4 tui --web`: the same screens in a browser, for those who have the address with its secret."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest

from tests.cli.small_archives import SmallArchive

pytestmark = pytest.mark.night
BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
LONGEST_S = 60.0


@pytest.fixture
def address(archive: SmallArchive) -> Iterator[str]:
    """The address that it prints; ended by Ctrl-C with the test."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "iop4cli", "tui", "--web", "--port", str(port)],
        cwd=archive.root, env=archive.environment(PATH=os.environ["PATH"]), stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    with process.stderr as said:
        yield said.readline().strip()
        process.send_signal(signal.SIGINT)
        assert process.wait(30) in (0, 130), said.read()
        assert "Traceback" not in said.read()


def bare(address: str) -> str:
    return address.split("/?")[0]


async def screen_of(socket_: aiohttp.ClientWebSocketResponse, wanted: str) -> str:
    """What the screen was sent until the words are there."""
    seen = ""
    async with asyncio.timeout(LONGEST_S):
        while wanted not in seen:
            message = await socket_.receive()
            assert message.type in (aiohttp.WSMsgType.BINARY, aiohttp.WSMsgType.TEXT), (message, seen)
            if message.type == aiohttp.WSMsgType.BINARY:
                seen += message.data.decode(errors="replace")
    return seen


def test_without_the_secret_nobody_gets_in(address: str) -> None:
    async def tried() -> list[int]:
        found = []
        async with aiohttp.ClientSession() as session:
            for path in ("/", "/?token=", "/?token=wrong", "/ws", "/download/x"):
                async with session.get(bare(address) + path) as answer:
                    found.append(answer.status)
        return found

    assert asyncio.run(tried()) == [403] * 5


def test_with_it_the_screens_come_and_take_keys(address: str) -> None:
    async def visited() -> str:
        async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
            async with session.get(address) as page:
                assert page.status == 200
                cookie = page.headers["Set-Cookie"]
                assert "HttpOnly" in cookie and "SameSite=Strict" in cookie
            async with session.ws_connect(bare(address) + "/ws?width=80&height=24") as screen:
                await screen_of(screen, "problems")
                await screen.send_str(json.dumps(["stdin", "3"]))
                return await screen_of(screen, "2200+420")

    assert "2200+420" in asyncio.run(visited())


def test_the_secret_is_long_and_new_each_time(address: str) -> None:
    (token,) = parse_qs(urlsplit(address).query)["token"]
    assert len(token) >= 32
    assert urlsplit(address).hostname == "localhost"


@pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed (apt install chromium)")
def test_in_a_browser_a_result_is_flagged_by_keyboard(address: str, archive: SmallArchive, tmp_path: Path) -> None:
    assert BROWSER is not None
    browser = subprocess.Popen(
        [BROWSER, "--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0",
         f"--user-data-dir={tmp_path / 'browser'}", "--window-size=1200,800", address],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        asyncio.run(_flagged(tmp_path / "browser" / "DevToolsActivePort", archive, tmp_path / "screen.png"))
    finally:
        browser.terminate()
        browser.wait(30)
    assert (tmp_path / "screen.png").stat().st_size > 10_000


async def _flagged(port_file: Path, archive: SmallArchive, picture: Path) -> None:
    deadline = time.monotonic() + LONGEST_S
    while not port_file.exists() or not port_file.read_text():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.1)
    port = port_file.read_text().split()[0]
    async with aiohttp.ClientSession() as session:
        async with session.get(f"http://127.0.0.1:{port}/json") as answer:
            page = next(one for one in await answer.json() if one["type"] == "page")
        async with session.ws_connect(page["webSocketDebuggerUrl"], max_msg_size=0) as tools:
            flags: Any = None
            await asyncio.sleep(4.0)
            for kind in ("mousePressed", "mouseReleased"):
                await _asked(tools, "Input.dispatchMouseEvent", type=kind, x=600, y=400, button="left", clickCount=1)
            for keys, pause_s in (("3", 2.0), ("f", 1.0), ("seen in a browser", 0.5), ("\r", 2.0)):
                for key in keys:
                    await _asked(tools, "Input.dispatchKeyEvent", type="keyDown", text=key, key=key)
                    await _asked(tools, "Input.dispatchKeyEvent", type="keyUp", key=key)
                await asyncio.sleep(pause_s)
            shot = await _asked(tools, "Page.captureScreenshot")
            picture.write_bytes(base64.b64decode(shot["data"]))
            while not flags:
                assert time.monotonic() < deadline, "no flag came"
                await asyncio.sleep(0.5)
                asked = archive.process("sql", "--format", "ndjson", "select reason from flag")
                flags = json.loads(asked.stdout or "null")
    assert "seen in a browser" in json.dumps(flags)


async def _asked(tools: aiohttp.ClientWebSocketResponse, method: str, **parameters: Any) -> dict[str, Any]:
    await tools.send_json({"id": 1, "method": method, "params": parameters})
    async with asyncio.timeout(LONGEST_S):
        while True:
            answer = await tools.receive_json()
            if answer.get("id") == 1:
                return answer.get("result", {})
