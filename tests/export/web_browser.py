"""A folder served on loopback, and a headless Chromium that looks at it."""

import contextlib
import functools
import http.server
import shutil
import threading
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

try:
    from playwright.sync_api import sync_playwright
except ImportError:
    sync_playwright = None

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
READY = 'main[aria-busy="false"]'


class Seen(NamedTuple):
    """An open page, and what happened in it."""

    page: Any
    origin: str
    requests: list[str]
    errors: list[str]

    def pixels(self, canvas: str) -> np.ndarray:
        """uint8 [H, W, 4] of a canvas, when all is drawn."""
        self.page.wait_for_selector(READY)
        width, height, values = self.page.evaluate(
            """id => {
                const {width, height} = document.getElementById(id);
                const context = document.getElementById(id).getContext("2d");
                return [width, height, [...context.getImageData(0, 0, width, height).data]];
            }""",
            canvas,
        )
        return np.uint8(values).reshape(height, width, 4)


class _Silent(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


@contextlib.contextmanager
def serve(folder) -> Iterator[str]:
    """The address of a server as `python -m http.server` starts it."""
    handler = functools.partial(_Silent, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()


@contextlib.contextmanager
def look(folder, **context) -> Iterator[Seen]:
    """Serves a folder and opens it; `context` is Playwright's, such as `viewport`."""
    options = {"executable_path": CHROMIUM, "args": ["--no-sandbox", "--disable-gpu"]}
    with serve(folder) as origin, sync_playwright() as playwright:
        with contextlib.closing(playwright.chromium.launch(**options)) as browser:
            page = browser.new_context(**context).new_page()
            seen = Seen(page, origin, [], [])
            page.on("request", lambda request: seen.requests.append(request.url))
            page.on("pageerror", lambda error: seen.errors.append(str(error)))
            page.on("console", lambda said: _note(said, seen.errors))
            page.goto(origin)
            page.wait_for_selector(READY)
            yield seen


def _note(said, errors):
    if said.type == "error":
        errors.append(said.text)
