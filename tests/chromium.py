"""A real Chromium without a window, driven over its DevTools protocol as a person would: by mouse and keys."""

import asyncio
import contextlib
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from base64 import b64decode, b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tornado.websocket import WebSocketClientConnection, websocket_connect

#: Seconds within which a page shows what is waited for, on a busy machine with two cores.
SOON = 40.0

#: The names of keys that are no letters, with their codes.
_KEYS = {"Tab": 9, "Enter": 13, "Escape": 27, " ": 32}


def program() -> str:
    """Where Chromium is; skips the test where it is not, and fails it under CI."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        if os.environ.get("CI") == "true":
            pytest.fail("Chromium is not installed, and CI runs every test")
        pytest.skip("Chromium is not installed (apt-get install chromium)")
    return found


class Browser:
    """One process; `open` makes a page with cookies of its own."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True)
        self._loop = asyncio.new_event_loop()
        self._process = subprocess.Popen(
            [
                program(),
                "--headless=new",
                "--no-sandbox",  # tests may run as root, and visit nothing but this machine
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--disable-background-networking",
                "--disable-component-update",
                "--no-first-run",
                "--force-color-profile=srgb",
                "--remote-debugging-port=0",
                f"--user-data-dir={self._folder.name}",
                "about:blank",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._process.stderr is not None
        address = next(
            found[1] for line in self._process.stderr if (found := re.search(r"listening on (ws://\S+)", line))
        )
        self._socket: WebSocketClientConnection = self._loop.run_until_complete(_connect(address))
        self._last = 0

    def send(self, method: str, session: str | None = None, **given: Any) -> dict[str, Any]:
        """What the command answers; events that come meanwhile are let go."""
        self._last += 1
        message = {"id": self._last, "method": method, "params": given, **({"sessionId": session} if session else {})}
        return self._loop.run_until_complete(self._ask(json.dumps(message), self._last))

    async def _ask(self, message: str, number: int) -> dict[str, Any]:
        await self._socket.write_message(message)
        while True:
            raw = await asyncio.wait_for(self._socket.read_message(), SOON)
            assert raw is not None, "Chromium has ended"
            answer = json.loads(raw)
            if answer.get("id") == number:
                assert "error" not in answer, f"{message[:200]}: {answer['error']}"
                found: dict[str, Any] = answer["result"]
                return found

    def open(self, user: tuple[str, str] | None = None, width: int = 1280, height: int = 900) -> "Tab":
        context = self.send("Target.createBrowserContext")["browserContextId"]
        target = self.send("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        tab = Tab(self, session)
        tab.size(width, height)
        if user:
            packed = b64encode(":".join(user).encode()).decode()
            tab.send("Network.enable")
            tab.send("Network.setExtraHTTPHeaders", headers={"Authorization": f"Basic {packed}"})
        return tab

    def close(self) -> None:
        with contextlib.suppress(AssertionError):
            self.send("Browser.close")
        self._process.wait(10)
        assert self._process.stderr is not None
        self._process.stderr.close()
        self._socket.close()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()
        self._folder.cleanup()


async def _connect(address: str) -> WebSocketClientConnection:
    return await websocket_connect(address, max_message_size=50_000_000)


class Tab:
    def __init__(self, browser: Browser, session: str) -> None:
        self._browser = browser
        self._session = session

    def send(self, method: str, **given: Any) -> dict[str, Any]:
        return self._browser.send(method, self._session, **given)

    def go(self, url: str) -> None:
        self.send("Page.navigate", url=url)
        self.wait("document.readyState === 'complete' && location.href !== 'about:blank'", url)

    def ask(self, expression: str) -> Any:
        """What an expression is worth in the page."""
        answer = self.send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, f"{expression}: {answer['exceptionDetails']}"
        return answer["result"].get("value")

    def wait(self, expression: str, what: str = "", seconds: float = SOON) -> None:
        """Until the expression holds, whatever page is loaded meanwhile."""
        give_up = time.monotonic() + seconds
        while True:
            with contextlib.suppress(AssertionError):  # the page it was asked of is gone
                if self.ask(f"Promise.resolve({expression}).then(Boolean)"):
                    return
            assert time.monotonic() < give_up, f"Not within {seconds:g} s: {what or expression}\n{self.text()}"
            time.sleep(0.03)

    def text(self, selector: str = "main") -> str:
        """As a person reads it."""
        found: str | None = self.ask(f"document.querySelector({json.dumps(selector)})?.innerText")
        return found or ""

    def click(self, selector: str) -> None:
        """Presses the mouse where the element is; AssertionError if it is not to be seen."""
        place = self.ask(
            f"(() => {{ const one = document.querySelector({json.dumps(selector)}); if (!one) return null;"
            "one.scrollIntoView({block: 'center', behavior: 'instant'}); const box = one.getBoundingClientRect();"
            "return box.width ? [box.x + box.width / 2, box.y + box.height / 2] : null; })()"
        )
        assert place, f"{selector} is not to be seen:\n{self.text()}"
        mouse = {"x": place[0], "y": place[1], "button": "left", "clickCount": 1}
        for kind in ("mousePressed", "mouseReleased"):
            self.send("Input.dispatchMouseEvent", type=kind, **mouse)

    def press(self, key: str) -> None:
        known = {"key": key, "code": "Space" if key == " " else key, "windowsVirtualKeyCode": _KEYS[key]}
        text = {"Enter": "\r", " ": " "}.get(key)
        self.send("Input.dispatchKeyEvent", type="keyDown", **known, **({"text": text} if text else {}))
        self.send("Input.dispatchKeyEvent", type="keyUp", **known)

    def type(self, text: str) -> None:
        """Into whatever has the focus."""
        self.send("Input.insertText", text=text)

    def size(self, width: int, height: int, mobile: bool = False) -> None:
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=mobile)

    def prefer(self, scheme: str) -> None:
        """light or dark, as a system is set."""
        self.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def without_scripts(self) -> None:
        self.send("Emulation.setScriptExecutionDisabled", value=True)

    def shoot(self, path: Path, whole: bool = False) -> None:
        shot = self.send("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(b64decode(shot["data"]))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    one = Browser()
    yield one
    one.close()
