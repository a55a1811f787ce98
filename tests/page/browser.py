"""Chromium, driven through chromedriver, which speaks JSON over HTTP: nothing but the standard library is needed."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any

KEYS = {"left": "\ue012", "right": "\ue014", "up": "\ue013", "down": "\ue015", "home": "\ue011", "end": "\ue010",
        "enter": "\ue007", "tab": "\ue004", "escape": "\ue00c", "space": " "}  # fmt: skip
QUIET = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--disable-dev-shm-usage", "--force-device-scale-factor=1"]  # fmt: skip


def programs() -> tuple[str, str] | None:
    """Where chromedriver and Chromium are; None where one is missing."""
    driver = shutil.which("chromedriver")
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    return (driver, browser) if driver and browser else None


class Browser:
    """A headless browser with one window of `width` by `height`."""

    def __init__(self, width: int = 1280, height: int = 800) -> None:
        found = programs()
        assert found is not None, "chromedriver and Chromium are needed"
        self.profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.process = subprocess.Popen([found[0], "--port=0"], stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        port = next(m[1] for line in self.process.stdout if (m := re.search(r"successfully on port (\d+)", line)))
        self.url = f"http://127.0.0.1:{port}"
        options = {
            "binary": found[1],
            "args": [*QUIET, f"--window-size={width},{height}", f"--user-data-dir={self.profile.name}"],
        }
        wanted = {"browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        session = self.call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self.url += f"/session/{session['sessionId']}"
        self.resize(width, height)

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            self.call("DELETE", "")
        finally:
            self.process.terminate()
            self.process.wait(10)
            if self.process.stdout is not None:
                self.process.stdout.close()
            self.profile.cleanup()

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """The answer to one command of the WebDriver protocol."""
        data = None if body is None else json.dumps(body).encode()
        asked = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(asked, timeout=60) as answer:
            return json.load(answer)["value"]

    def open(self, page: Path, address: str = "") -> None:
        """Open a file and wait until its script says that it is ready."""
        self.call("POST", "/url", {"url": "about:blank"})
        self.call("POST", "/url", {"url": f"{page.resolve().as_uri()}{address}"})
        self.wait("return document.documentElement.dataset.ready === '1'")

    def wait(self, condition: str, seconds: float = 15.0) -> None:
        """Wait until a script returns true."""
        for _ in range(int(seconds / 0.02)):
            if self.js(condition) is True:
                return
            time.sleep(0.02)
        raise AssertionError(f"{condition} did not come true; the console says {self.console()}")

    def js(self, code: str, *arguments: Any) -> Any:
        """What a script returns."""
        return self.call("POST", "/execute/sync", {"script": code, "args": list(arguments)})

    def text(self, selector: str) -> str:
        """The text of the first element that fits."""
        return str(self.js("return document.querySelector(arguments[0])?.textContent ?? ''", selector))

    def press(self, *keys: str) -> None:
        """Press keys one after another; names as in KEYS, or characters."""
        strokes = [
            {"type": kind, "value": KEYS.get(key, key)} for key in keys for kind in ("keyDown", "keyUp")
        ]  # fmt: skip
        self.call("POST", "/actions", {"actions": [{"type": "key", "id": "keys", "actions": strokes}]})

    def click(self, selector: str) -> None:
        """Click on the first element that fits."""
        self.js(
            "document.querySelector(arguments[0]).dispatchEvent(new MouseEvent('click', {bubbles: true}))", selector
        )

    def resize(self, width: int, height: int) -> None:
        """Make the inside of the window so large, by the protocol of the browser's own tools."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        self.call("POST", "/goog/cdp/execute", {"cmd": "Emulation.setDeviceMetricsOverride", "params": size})

    def console(self) -> list[str]:
        """The messages that the page has left in the console."""
        return [entry["message"] for entry in self.call("POST", "/se/log", {"type": "browser"})]

    def screenshot(self, path: Path) -> None:
        """Save a PNG of the window."""
        path.write_bytes(base64.b64decode(self.call("GET", "/screenshot")))

    def printed(self) -> bytes:
        """The page as PDF."""
        return base64.b64decode(self.call("POST", "/print", {"orientation": "landscape", "background": True}))
