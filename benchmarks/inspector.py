"""Thirty minutes of an inspector: from a folder that nobody sorted to a better bundle, in a browser.

`defectory start` is given the magnetic tiles of `contaminated-10` as they are. A driver at the page takes
`--pace` seconds for each decision, always right, by keys; after every 40 labels it looks at what was learned
and takes it, unless the page refuses; in the end it looks at thresholds, checks what is just rejected and
just accepted, and takes the last lesson. The bundles before and after are judged on test images that nobody
saw.

Then the page shows photos of 12 megapixels: how long the next one takes, and each frame of 60 brush strokes.
"""

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.browser import LONGEST_MS, ReviewPage, opened, serving
from benchmarks.evaluation import say
from benchmarks.label_cases import Case
from benchmarks.p4 import keep_two_cores
from benchmarks.provenance import provenance
from benchmarks.result_files import Run
from benchmarks.suite_cases import draw, material_of
from benchmarks.updates import judge
from defectory.workflows.calibrated import load_calibrated
from defectory.workflows.reviewing.project import ReviewProject

SET, VARIANT = "tiles", "contaminated-10"
LESSON, READING_S = 40, 5.0
CHECK_S, THRESHOLD_S = 120.0, 60.0
"""Kept for the end: forty pictures and a table to look at."""
LARGE_PX, N_LARGE, N_STROKES = (3000, 4000), 40, 60


def run(
    *, pace_s: float, minutes: float, n_images: int | None, cache: Path, command: str
) -> list[Run]:
    """Return one run, JSON-ready.

    Parameters
    ----------
    pace_s : of each decision
    minutes : from the command to the last lesson
    n_images : smoke run: so many images of a kind, and ten decisions
    """
    cores = keep_two_cores()
    case = draw(SET, VARIANT, 0, cache, n_images)
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        truth = _write_photos(case, work / "photos")
        told = _review(work, truth, pace_s, 60 * minutes, 10 if n_images else len(truth))
        first, last = (load_calibrated(path) for path in told.pop("bundles"))
        told["before"], told["after"] = judge(first, case.test), judge(last, case.test)
        recalls = (f"{told[when]['recall']:.3f}" for when in ("before", "after"))
        say(f"{told['n_labels']} labels, recall {' -> '.join(recalls)}")
        large = _look_at_large(work, pace_s, 4 if n_images else N_LARGE)
    facts = provenance(
        data=material_of(SET).fingerprint, weights=first.facts.weights, command=command
    )
    named = {"protocol": "inspector", "data_set": SET, "variant": VARIANT, "seed": 0}
    asked = {"pace_s": pace_s, "minutes": minutes, "bound_to_cores": cores}
    return [{**named, **asked, "session": told, "large": large, **facts}]


def _write_photos(case: Case, folder: Path) -> dict[str, bool]:
    """Copy the images under names that tell nothing; return name -> whether it is defective."""
    folder.mkdir()
    truth = {}
    for i, (sample, is_bad) in enumerate(zip(case.train.samples, case.truth, strict=True)):
        path = folder / f"{i:05}{sample.path.suffix}"
        path.write_bytes(sample.path.read_bytes())
        truth[path.name] = bool(is_bad)
    return truth


def _review(
    work: Path, truth: dict[str, bool], pace_s: float, most_s: float, most: int
) -> dict[str, Any]:
    """Return what the inspector did and waited for, and the bundles before and after."""
    started = time.monotonic()
    folder = work / "photos.review"
    with (
        serving(["start", work / "photos", "-o", folder]) as (link, unattended_s),
        opened(link) as page,
    ):
        first_photo_s = time.monotonic() - started - unattended_s
        session = _Session(page, truth, pace_s)
        until = started + most_s - CHECK_S - THRESHOLD_S
        while session.n_labels < most and time.monotonic() < until and session.label():
            if session.n_labels % LESSON == 0:
                session.learn()
        threshold_s = session.look_at_thresholds()
        n_checked, n_wrong = session.check()
        session.learn()
        told = {
            "n_labels": page.ask("project")["n_labeled"],
            "n_defective": page.ask("project")["n_defective"],
            "n_checked": n_checked,
            "n_wrong": n_wrong,
            "next_photo_ms": _percentiles(page.take("waits")),
            "threshold_s": threshold_s,
            "lessons": session.lessons,
        }
    project = ReviewProject.open(folder)
    bundles = [folder / "bundles" / "0001.defectory", project.bundle_path()]
    project.close()
    return {
        "n_hidden": sum(truth.values()),
        "unattended_s": unattended_s,
        "first_photo_s": first_photo_s,
        "wall_s": time.monotonic() - started,
        **told,
        "bundles": bundles,
    }


class _Session:
    """What an inspector does at the page."""

    def __init__(self, page: ReviewPage, truth: dict[str, bool], pace_s: float) -> None:
        self.page, self.pace_s = page, pace_s
        listed: list[dict[str, Any]] = []
        while found := page.ask(f"images?sort=name&limit=500&offset={len(listed)}")["images"]:
            listed += found
        self.truth = {image["id"]: truth[Path(image["name"]).name] for image in listed}
        self.n_labels = 0
        self.lessons: list[dict[str, Any]] = []

    def label(self) -> bool:
        """Decide on the photo on screen; return whether there is another: copies are asked about once."""
        key = "d" if self.truth[self.page.shown()] else "g"
        time.sleep(self.pace_s)
        self.n_labels += 1
        return self.page.press(key)

    def learn(self) -> None:
        """Look at what was learned, teach first where nothing was, and take it unless it is refused."""
        page = self.page.page
        page.wait_for_selector("#job", state="hidden", timeout=LONGEST_MS)
        if not (project := self.page.ask("project"))["proposal"] and not project["n_new_labels"]:
            return
        is_ready = project["proposal"]
        page.wait_for_selector("#teach:enabled", timeout=LONGEST_MS)
        started = time.monotonic()
        page.keyboard.press("t")
        page.wait_for_selector("#dialog-proposal .figures", timeout=LONGEST_MS)
        shown_s = time.monotonic() - started
        proposal = self.page.ask("proposal")
        word = "Throw away" if proposal["worse"] else "Accept"
        page.wait_for_selector(
            f"#dialog-proposal button:enabled:has-text('{word}')", timeout=LONGEST_MS
        )
        ready_s = time.monotonic() - started
        time.sleep(max(0.0, min(READING_S, self.pace_s * 2) - ready_s))
        page.click(f"#dialog-proposal button:has-text('{word}')")
        page.wait_for_selector("#dialog-proposal", state="detached")
        self.page.shown()
        told = {
            name: proposal[name]
            for name in ("n_labels", "found_before", "found_after", "n_defects", "worse")
        }
        self.lessons.append({**told, "was_ready": is_ready, "shown_s": shown_s, "ready_s": ready_s})

    def look_at_thresholds(self) -> float:
        """Return the seconds until the table of thresholds is there."""
        page, started = self.page.page, time.monotonic()
        page.click("#open-threshold")
        page.wait_for_selector("#dialog-thresholds .options")
        took = time.monotonic() - started
        time.sleep(self.pace_s)
        page.keyboard.press("Escape")
        page.wait_for_selector("#dialog-thresholds", state="detached")
        return took

    def check(self) -> tuple[int, int]:
        """Check what is just decided; return how many images that were, and how many of them wrongly."""
        page = self.page.page
        page.click("#open-check")
        page.wait_for_selector("#dialog-check section")
        wrong = 0
        tiles = {
            name: page.locator(f"#dialog-check section:has(#check-{name}) button")
            for name in ("rejected", "accepted")
        }
        for name, buttons in tiles.items():
            for i in range(buttons.count()):
                source = buttons.nth(i).locator("img").get_attribute("src")
                is_bad = self.truth[int(source.split("/")[2])]
                time.sleep(self.pace_s)
                if is_bad != (name == "rejected"):
                    buttons.nth(i).click()
                    wrong += 1
        n = sum(buttons.count() for buttons in tiles.values())
        if n > wrong:
            page.click("#dialog-check .dialog-foot button")
        else:
            page.keyboard.press("Escape")
        page.wait_for_selector("#dialog-check", state="detached")
        page.wait_for_timeout(1000)
        return n, wrong


def _look_at_large(work: Path, pace_s: float, n: int) -> dict[str, Any]:
    """Return how fast photos of 12 megapixels follow each other, and how fast a brush draws on one."""
    folder = work / "large"
    folder.mkdir()
    photos = sorted((work / "photos").iterdir())[:n]
    height, width = LARGE_PX
    for i, path in enumerate(photos):
        with Image.open(path) as photo:
            photo.convert("RGB").resize((width, height), Image.Resampling.BICUBIC).save(
                folder / f"{i:03}.jpg", quality=92
            )
    bundle = work / "photos.review" / "bundles" / "0001.defectory"
    with (
        serving(["review", bundle, folder, "-o", work / "large.review"]) as (link, _),
        opened(link) as page,
    ):
        page.page.select_option("#source", "filter:all")
        page.page.wait_for_timeout(2000)
        page.page.focus("#stage")
        page.take("waits")
        for _ in range(n - 1):
            time.sleep(pace_s)
            page.press("ArrowRight")
        waits = page.take("waits")
        frames = _draw(page)
    return {
        "size_px": [width, height],
        "next_photo_ms": _percentiles(waits),
        "brush_ms": {"n_strokes": N_STROKES, **_percentiles(frames)},
    }


def _draw(page: ReviewPage) -> list[float]:
    """Draw strokes across the photo; return how long each frame took meanwhile."""
    page.page.keyboard.press("b")
    page.page.wait_for_selector("#stage[data-mask='ready']", timeout=LONGEST_MS)
    box, mouse = page.page.locator("#stage").bounding_box(), page.page.mouse
    rng = np.random.default_rng(0)
    page.take("frames")
    for _ in range(N_STROKES):
        places = (
            box["x"] + box["width"] * (0.3 + 0.4 * rng.random(3)),
            box["y"] + box["height"] * rng.uniform(0.2, 0.8, 3),
        )
        points = list(zip(*places, strict=True))
        mouse.move(*points[0])
        mouse.down()
        for point in points[1:]:
            mouse.move(*point, steps=8)
        mouse.up()
    return page.take("frames")


def _percentiles(values: Sequence[float]) -> dict[str, float]:
    found = np.asarray(values, np.float64)
    return {
        "n": len(found),
        "p50": float(np.percentile(found, 50)),
        "p99": float(np.percentile(found, 99)),
        "highest": float(found.max()),
    }
