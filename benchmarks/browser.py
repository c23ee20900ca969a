"""The review page in a headless browser: what a person presses, and how long she waits for it."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.result_files import MissingDataError

SIZE_PX = (1280, 720)
LONGEST_MS = 600_000
_AGAIN_MS, _TRIES = 3000, 5

# The page itself tells of waiting: from the key until another photo is drawn, without the driver's time.
_WATCH = """
window.waits = []; window.frames = []; let pressed = 0;
const starts = ({ key }) => { if (/^[gd]$|Arrow/.test(key)) pressed = performance.now(); };
addEventListener("keydown", starts, true);
addEventListener("DOMContentLoaded", () => new MutationObserver(() => {
  if (document.getElementById("stage").dataset.shown && pressed) {
    window.waits.push(performance.now() - pressed);
    pressed = 0;
  }
}).observe(document.getElementById("stage"), { attributeFilter: ["data-shown"] }));
let last = 0;
const tick = (now) => { if (last) window.frames.push(now - last); last = now; requestAnimationFrame(tick); };
requestAnimationFrame(tick);
"""


def find_chromium() -> str:
    """Return the browser; MissingDataError where there is none."""
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        raise MissingDataError("chromium is not on the PATH; install it (Debian: chromium)")
    return found


@dataclass
class ReviewPage:
    """A review on screen.

    Attributes
    ----------
    page : of Playwright
    """

    page: Any

    def shown(self) -> int:
        """Return the number of the image on screen, once there is one."""
        found = None
        while found is None:  # it may be gone between being there and being read
            stage = self.page.wait_for_selector("#stage[data-shown]", timeout=LONGEST_MS)
            found = stage.get_attribute("data-shown")
        return int(found)

    def press(self, key: str) -> bool:
        """Press a key that leads to another photo and wait for it; return whether there was one.

        Where nothing happens it is pressed again, as a person would: the list may just be read anew.
        """
        from playwright.sync_api import TimeoutError as PlaywrightTimeoutError

        before = self.shown()
        for _ in range(_TRIES):
            self.page.keyboard.press(key)
            try:
                another = f"#stage[data-shown]:not([data-shown='{before}'])"
                self.page.wait_for_selector(another, timeout=_AGAIN_MS)
            except PlaywrightTimeoutError:
                continue
            return True
        return False

    def ask(self, path: str) -> Any:
        """Return what the server says."""
        origin = self.page.evaluate("location.origin")
        return self.page.request.get(f"{origin}/api/{path}").json()

    def take(self, name: str) -> list[float]:
        """Return the waits or frames so far, in milliseconds, and forget them."""
        found: list[float] = self.page.evaluate(
            f"(() => {{ const found = window.{name}; window.{name} = []; return found; }})()"
        )
        return found


@contextmanager
def serving(arguments: Sequence[str | Path]) -> Iterator[tuple[str, float]]:
    """Run `defectory start` or `review`; give its link, and the seconds until it was there."""
    started = time.monotonic()
    command = [sys.executable, "-m", "defectory", *map(str, arguments), "--no-browser"]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as process:
        assert process.stdout is not None
        try:
            links = (re.search(r"Open (http\S+)", line) for line in process.stdout)
            link = next(found[1] for found in links if found)
            yield link, time.monotonic() - started
        finally:
            process.terminate()
            process.wait(60)


@contextmanager
def opened(link: str) -> Iterator[ReviewPage]:
    """Open a link in a browser of its own."""
    from playwright.sync_api import sync_playwright

    width, height = SIZE_PX
    with sync_playwright() as running:
        browser = running.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
        context = browser.new_context(
            viewport={"width": width, "height": height}, locale="en-US", color_scheme="light"
        )
        page = context.new_page()
        page.add_init_script(_WATCH)
        page.goto(link)
        review = ReviewPage(page)
        review.shown()
        yield review
        browser.close()
