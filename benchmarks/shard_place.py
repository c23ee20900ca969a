"""A folder with pictures and bundles in it, and commands of `defectory` that run there as processes."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

from benchmarks.cold_process import Cost, run_cold

SIZE_PX, SMALL_PX = 256, 64
PARTS, SMALL = "parts.defectory", "small.defectory"
"""Bundles of gaussian: as people fit it, and a small one, beside which the growth of memory shows."""

ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
_CLI = (sys.executable, "-m", "defectory")
_N_GOOD, _N_PICTURES, _DEFECT_EVERY = 16, 16, 8

Arguments = Sequence[object]
Result = TypeVar("Result")


class Place:
    """A folder in which commands run.

    Parameters
    ----------
    folder : empty
    seed : of the pictures
    """

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        (folder / "cache").mkdir()
        apart(_draw_pictures, folder, seed)
        for name, size_px in ((PARTS, SIZE_PX), (SMALL, SMALL_PX)):
            size = ("--size", size_px, "--detector", "gaussian")
            self.run("fit", "good", "-o", name, *size, "--quiet")

    def start(self, *arguments: object) -> subprocess.Popen[bytes]:
        """Start a command in a process group of its own; what it says goes into `log`."""
        with (self.folder / "log").open("wb") as log:
            return subprocess.Popen(
                [*_CLI, *map(str, arguments)],
                cwd=self.folder,
                stdout=log,
                stderr=log,
                env=os.environ | ONE_THREAD,
                start_new_session=True,
            )

    def run(self, *arguments: object) -> None:
        """Run a command; RuntimeError with its last words if it fails."""
        if self.start(*arguments).wait():
            raise RuntimeError(f"defectory {arguments}: {self.last_words()}")

    def last_words(self) -> str:
        """Return the end of what the latest command said."""
        return (self.folder / "log").read_text(errors="replace")[-800:]

    def run_all(self, commands: Iterable[Arguments], n_at_once: int) -> float:
        """Run commands, so many at once, and return the seconds."""
        with ThreadPoolExecutor(n_at_once) as pool:
            return timed(lambda: list(pool.map(lambda command: self.run(*command), commands)))

    def cost(self, *arguments: object) -> Cost:
        """Return the cost of a command."""
        return run_cold([*map(str, arguments), "--quiet"], self.folder / "cache")

    def link_names(self, folder: str, n: int) -> None:
        """Make a folder of n names for the few pictures."""
        pictures = sorted((self.folder / "pictures").iterdir())
        (self.folder / folder).mkdir()
        for i in range(n):
            path = self.folder / folder / f"{i:06}.png"
            path.hardlink_to(pictures[i % len(pictures)])


def shard_command(images: str, out: str, i: int, n: int, *options: object) -> Arguments:
    """Return the command that scores a shard in one thread."""
    shard = ("--shard", f"{i}/{n}", "--threads", 1)
    return ("score", PARTS, images, "-o", out, *shard, *options, "--quiet")


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that work takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def apart(work: Callable[..., Result], *arguments: object) -> Result:
    """Return what a function of a module returns, called in a process of its own.

    The peak of a process counts from before it was its own: whoever measures peaks has to stay small.
    """
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(work, *arguments).result()


@cache
def takes(command: str, option: str) -> bool:
    """Return whether a command has an option."""
    asked = [*_CLI, command, "--help"]
    return option in subprocess.run(asked, capture_output=True, text=True, check=True).stdout


def _draw_pictures(folder: Path, seed: int) -> None:
    """Write good pictures to fit on, and others, an eighth of them defective."""
    import numpy as np
    from PIL import Image

    from defectory.testing.pictures import disc, planted

    rng = np.random.default_rng(seed)
    for name in ("good", "pictures"):
        (folder / name).mkdir()
    for i in range(_N_GOOD):
        Image.fromarray(disc(rng, SIZE_PX)).save(folder / f"good/{i}.png")
    for i in range(_N_PICTURES):
        picture = disc(rng, SIZE_PX)
        is_defective = i % _DEFECT_EVERY == 0
        shown = planted(picture, (120, 100 + 3 * i)) if is_defective else picture
        Image.fromarray(shown).save(folder / f"pictures/{i}.png")
