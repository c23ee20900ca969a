"""What a service costs beside scoring offline: images a second, waiting, memory over a day's requests.

A bundle is fitted on magnetic tiles. Offline, a fresh process scores the test images with as many threads as
there are cores, and one at a time. Then `defectory serve` judges the same files, sent over loopback by
clients that each wait for their answer; journal and alarm are kept. Load generator, service and nothing else
share the cores.
"""

import asyncio
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np

from benchmarks.datasets import magnetic_tile_folder
from benchmarks.evaluation import say
from benchmarks.p4 import keep_two_cores
from benchmarks.provenance import provenance
from benchmarks.result_files import Run

DETECTORS = ("gaussian", "auto")
_SAMPLES = 20
"""How often the memory of the service is looked at."""

_OFFLINE = """
import json, sys, time
from pathlib import Path
from defectory.machine import at_most_cores
from defectory.sources import FileImages
from defectory.workflows.calibrated import load_calibrated
from defectory.workflows.scoring.score import decide_images
model, paths = load_calibrated(sys.argv[1]), sorted(Path(sys.argv[2]).rglob("*.jpg"))[:int(sys.argv[3])]
decide_images(model, FileImages(paths[:8]))
started = time.perf_counter()
decide_images(model, FileImages(paths))
rate = len(paths) / (time.perf_counter() - started)
with at_most_cores(1):
    started = time.perf_counter()
    decide_images(model, FileImages(paths[:50]))
    one_s = (time.perf_counter() - started) / len(paths[:50])
print(json.dumps({"images_per_s": rate, "one_image_s": one_s, "weights": model.facts.weights,
                  "data": model.facts.data.fingerprint}))
"""


@dataclass
class _Seen:
    """What clients saw.

    Attributes
    ----------
    seconds : of each request
    failures : status -> how often
    memory_mb : of the service, now and then
    """

    seconds: list[float] = field(default_factory=list)
    failures: dict[str, int] = field(default_factory=dict)
    memory_mb: list[float] = field(default_factory=list)


def run(*, n_requests: int, n_clients: int, n_images: int | None, command: str) -> list[Run]:
    """Return one run a detector, JSON-ready.

    Parameters
    ----------
    n_requests : of one image each
    n_clients : that ask at once
    n_images : smoke run: so many images to fit on and to send, and five requests each
    """
    load_before, cores = os.getloadavg()[0], keep_two_cores()
    tiles = magnetic_tile_folder()
    found = []
    for detector in DETECTORS:
        with tempfile.TemporaryDirectory() as name:
            work = Path(name)
            bundle = _fit(detector, tiles, work, n_images)
            offline = _offline(bundle, tiles / "test", n_images or 10_000)
            files = sorted((tiles / "test").rglob("*.jpg"))[: n_images or None]
            with _serving(bundle, work) as url:
                wanted = 5 * n_images if n_images else n_requests
                told = asyncio.run(_ask(url, files, wanted, n_clients))
        say(f"{detector}: {told['images_per_s']:.1f} of {offline['images_per_s']:.1f} images/s")
        facts = provenance(
            data=offline.pop("data"), weights=offline.pop("weights"), command=command
        )
        named = {"protocol": "service", "detector": detector, "seed": 0, "n_clients": n_clients}
        bound = {"bound_to_cores": cores, "load_before": load_before}
        found.append({**named, "offline": offline, "service": told, **bound, **facts})
    return found


def _fit(detector: str, tiles: Path, work: Path, n_images: int | None) -> Path:
    folder = work / "fit" / "good"
    folder.mkdir(parents=True)
    for path in sorted((tiles / "train" / "good").glob("*.jpg"))[: n_images and max(n_images, 8)]:
        (folder / path.name).symlink_to(path.resolve())
    bundle = work / "tiles.defectory"
    command = ["fit", str(folder.parent), "-o", str(bundle), "--detector", detector, "-q"]
    subprocess.run([sys.executable, "-m", "defectory", *command], check=True, capture_output=True)
    return bundle


def _offline(bundle: Path, folder: Path, most: int) -> dict[str, Any]:
    command = [sys.executable, "-c", _OFFLINE, str(bundle), str(folder), str(most)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@contextmanager
def _serving(bundle: Path, work: Path) -> Iterator[str]:
    """Serve a bundle in a process of its own, and give its address."""
    command = ["serve", str(bundle), "--port", "0", "--state", str(work / "state")]
    with (work / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-u", "-m", "defectory", *command],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        assert process.stdout is not None
        try:
            said = next(line for line in process.stdout if line.startswith("Serving on "))
            yield said.removeprefix("Serving on ").partition(";")[0]
        finally:
            process.terminate()
            process.wait(60)
            process.stdout.close()


async def _ask(url: str, files: Sequence[Path], n_requests: int, n_clients: int) -> dict[str, Any]:
    """Send the files again and again, and return what the clients saw."""
    contents = [path.read_bytes() for path in files]
    seen, numbers = _Seen(), itertools.count()
    async with aiohttp.ClientSession(url) as session:
        for content in contents[:n_clients]:  # threads and allocators are warm then
            await _send(session, content)
        started = time.perf_counter()
        clients = [_client(session, contents, numbers, n_requests, seen) for _ in range(n_clients)]
        await asyncio.gather(*clients)
        took = time.perf_counter() - started
        seen.memory_mb.append(await _memory_mb(session))
    return {
        "n_requests": n_requests,
        "n_failures": sum(seen.failures.values()),
        "failures": seen.failures,
        "images_per_s": n_requests / took,
        "p50_s": float(np.percentile(seen.seconds, 50)),
        "p99_s": float(np.percentile(seen.seconds, 99)),
        "memory_mb": seen.memory_mb,
    }


async def _client(
    session: aiohttp.ClientSession,
    contents: Sequence[bytes],
    numbers: "itertools.count[int]",
    n_requests: int,
    seen: _Seen,
) -> None:
    while (number := next(numbers)) < n_requests:
        started = time.perf_counter()
        status = await _send(session, contents[number % len(contents)])
        seen.seconds.append(time.perf_counter() - started)
        if status != 200:
            seen.failures[str(status)] = seen.failures.get(str(status), 0) + 1
        if number % max(1, n_requests // _SAMPLES) == 0:
            seen.memory_mb.append(await _memory_mb(session))


async def _send(session: aiohttp.ClientSession, content: bytes) -> int:
    async with session.post("/score", data=content) as answer:
        await answer.read()
        return answer.status


async def _memory_mb(session: aiohttp.ClientSession) -> float:
    async with session.get("/metrics") as answer:
        lines = (await answer.text()).splitlines()
    (found,) = (line for line in lines if line.startswith("process_resident_memory_bytes "))
    return float(found.split()[1]) / 1e6
