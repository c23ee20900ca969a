"""Is each image judged exactly once by `watch`, though its process is killed again and again?

Real processes of the command line watch a folder into which images come all the time, and are killed by
signal 9: one in four at any moment of its start, the others at any moment of their work. A receiver on the
loopback takes webhooks meanwhile, and is away for every fifth process. After the last kill a process ends the
work. Then every image must have one line in the results, one in the journal and one look of the alarm, and
every line one webhook or more, each time the same.
"""

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.provenance import provenance
from benchmarks.result_files import Run
from benchmarks.webhook_receiver import Receiver

_IMAGES_A_KILL = 8
_SIZE_PX = 64
_START_S, _WORK_S, _MOST_S = 1.5, 0.4, 20.0
_CLI = (sys.executable, "-m", "defectory")


@dataclass
class Line:
    """A watched folder and its results.

    Attributes
    ----------
    place : holds the folder `hot`, the results `out` and the bundle
    n_put : images so far
    n_killed_at_work : processes that had judged something when they were killed
    """

    place: Path
    rng: random.Random
    pictures: np.random.Generator
    n_put: int = 0
    n_killed_at_work: int = 0
    log: Path = field(init=False)

    def __post_init__(self) -> None:
        self.log = self.place / "log"
        (self.place / "hot").mkdir()

    def put(self) -> None:
        """Rename one more image into the folder."""
        from defectory.testing.pictures import disc

        part = self.place / "part.png"
        Image.fromarray(disc(self.pictures, _SIZE_PX)).save(part)
        part.replace(self.place / f"hot/{self.n_put}.png")
        self.n_put += 1

    def start(self, url: str, *more: str) -> subprocess.Popen[bytes]:
        """Start a process that watches."""
        given = ["hot", "parts.defectory", "-o", "out", "--settle", "0", "--poll", "0.05s"]
        asked = ["--webhook", url, "--alarm", "--journal", "--answers", *more]
        with self.log.open("wb") as log:
            return subprocess.Popen(
                [*_CLI, "watch", *given, *asked], cwd=self.place, stdout=log, stderr=log
            )

    def kill_once(self, url: str, is_at_start: bool) -> None:
        """Start a process, give it images, and kill it."""
        process = self.start(url)
        end_s = time.monotonic() + (self.rng.uniform(0, _START_S) if is_at_start else _MOST_S)
        has_worked = False
        for _ in range(_IMAGES_A_KILL):
            self.put()
        while time.monotonic() < end_s and process.poll() is None:
            if not has_worked and b"png" in self.log.read_bytes():
                has_worked = True
                if not is_at_start:
                    end_s = time.monotonic() + self.rng.uniform(0, _WORK_S)
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        if process.wait() != -signal.SIGKILL:
            raise RuntimeError(f"it ended by itself: {self.log.read_text()[-500:]}")
        self.n_killed_at_work += has_worked


def run(*, n_kills: int, n_images: int | None, seed: int, command: str) -> list[Run]:
    """Return the one run, JSON-ready.

    Parameters
    ----------
    n_images : smoke run: so many kills
    """
    n_kills = min(n_images or n_kills, n_kills)
    described = hashlib.sha256(repr((__doc__, _SIZE_PX, _IMAGES_A_KILL)).encode()).hexdigest()
    facts = provenance(data=described, weights="efficientnet-lite0", command=command)
    with tempfile.TemporaryDirectory() as name:
        found = _measure(
            Line(Path(name), random.Random(seed), np.random.default_rng(seed)), n_kills
        )
    return [{"protocol": "watch", "seed": seed, "n_kills": n_kills, **found, **facts}]


def _measure(line: Line, n_kills: int) -> dict[str, Any]:
    _fit(line)
    receiver = Receiver()
    received: list[tuple[str, Any]] = []
    for n in range(n_kills):
        receiver.status = 503 if n % 5 == 4 else 200
        line.kill_once(receiver.url, is_at_start=n % 4 == 3)
    receiver.status = 200
    last = line.start(receiver.url, "--once")
    if last.wait(600):
        raise RuntimeError(line.log.read_text()[-500:])
    received = list(receiver.received)
    receiver.close()
    alarm = line.log.read_text()
    return {
        "n_killed_at_work": line.n_killed_at_work,
        "n_put": line.n_put,
        **tally(line.place / "out", line.n_put, received),
        "n_seen_by_alarm": _number_after(alarm, "quiet after ") or _number_after(alarm, " of "),
    }


def _fit(line: Line) -> None:
    from defectory.testing.pictures import disc

    good = line.place / "good"
    good.mkdir()
    for i in range(16):
        Image.fromarray(disc(line.pictures, _SIZE_PX)).save(good / f"{i}.png")
    fit = [*_CLI, "fit", "good", "-o", "parts.defectory", "--size", str(_SIZE_PX), "-q"]
    subprocess.run(
        [*fit, "--detector", "gaussian"], cwd=line.place, check=True, capture_output=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    shutil.rmtree(good)


def tally(output: Path, n_put: int, received: Sequence[tuple[str, Any]]) -> dict[str, int]:
    """Return what of the images and messages is missing, or there too often.

    Parameters
    ----------
    output : of the watch
    n_put : images 0.png, 1.png, ... that came
    received : id and row of webhooks
    """
    files = sorted((output / "results").iterdir())
    rows = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    journal = [
        json.loads(line)["name"] for line in (output / "journal.jsonl").read_text().splitlines()
    ]
    put = [f"{i}.png" for i in range(n_put)]
    told: dict[str, Any] = {}
    n_other = sum(told.setdefault(key, row) != row for key, row in received)
    return {
        "n_judged": len(rows),
        **_compared("", [row["image"] for row in rows], put),
        **_compared("_in_journal", journal, put),
        "n_messages_missing": len(rows) - len(told),
        "n_messages_again": len(received) - len(told),
        "n_messages_other": n_other + sum(row not in rows for row in told.values()),
        "n_in_order": sum(row["id"] == i for i, row in enumerate(rows, 1)),
    }


def _compared(where: str, found: Sequence[str], put: Sequence[str]) -> dict[str, int]:
    return {
        f"n_missing{where}": len(set(put) - set(found)),
        f"n_twice{where}": len(found) - len(set(found)),
    }


def _number_after(text: str, words: str) -> int:
    """Return the last number that follows some words; 0 for none."""
    _, found, rest = text.rpartition(words)
    return int(rest.split()[0].strip(".:").replace(",", "")) if found else 0
