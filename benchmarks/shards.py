"""Shards of `score` as processes: memory by rows of a manifest, images a second by processes, and kills.

Memory: the highest resident memory of one process that scores a manifest of 10,000 and of 1,000,000 rows
as its only shard, and of `merge` behind it. The files are missing: all that grows with a list is there,
and no image; and the bundle is a small one, beside which growth would show. Processes: two shards of
images that are there, one thread a process, one after the other and both at once; and `score` alone.
Kills: a process that scores a shard is killed by signal 9 at a random moment, then the next shard's, and
so on; in the end all shards are run, merged, and compared with what `score` alone writes, byte by byte.
"""

import hashlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.cold_process import Cost, run_cold
from benchmarks.provenance import provenance
from benchmarks.result_files import Run

_SIZE_PX, _SMALL_PX = 256, 64
_ROWS = (10_000, 1_000_000)
_N_FILES, _N_NAMES = 32, 2000
_N_SHARDS, _N_KILLED_NAMES = 4, 400
_CLI = (sys.executable, "-m", "defectory")


def run(*, n_kills: int, n_images: int | None, seed: int, command: str) -> list[Run]:
    """Return the one run, JSON-ready.

    Parameters
    ----------
    n_images : smoke run: so many images, and rows of the shorter list
    """
    rows = _ROWS if n_images is None else (n_images, 10 * n_images)
    n_names = _N_NAMES if n_images is None else n_images
    described = hashlib.sha256(repr((__doc__, _SIZE_PX, _N_FILES, rows, n_names)).encode())
    facts = provenance(data=described.hexdigest(), weights="efficientnet-lite0", command=command)
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        fit(place, seed)
        found = {
            **measure_memory(place, rows),
            **measure_processes(place, n_names),
            **measure_kills(place, min(n_names, _N_KILLED_NAMES), n_kills, seed),
        }
    return [{"protocol": "shards", "seed": seed, "n_kills": n_kills, **found, **facts}]


def fit(place: Path, seed: int) -> None:
    """Write pictures into `pictures/`, and two bundles that were fitted on others."""
    from defectory.testing.pictures import disc

    rng = np.random.default_rng(seed)
    for i in range(_N_FILES):
        path = place / ("good" if i < _N_FILES // 2 else "pictures") / f"{i}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(disc(rng, _SIZE_PX)).save(path)
    for name, size_px in (("parts", _SIZE_PX), ("small", _SMALL_PX)):
        size = ("--size", size_px, "--detector", "gaussian")
        _run(place, "fit", "good", "-o", f"{name}.defectory", *size)


def measure_memory(place: Path, rows: Sequence[int]) -> dict[str, Any]:
    """Return the peak of a shard and of a merge for each number of rows, in MB, and seconds."""
    found: dict[str, Any] = {"n_rows": list(rows), "score_mb": [], "merge_mb": [], "listing_s": []}
    for n in rows:
        manifest, out = place / f"{n}.csv", place / f"out-{n}"
        with manifest.open("w") as file:
            file.write("path\n")
            file.writelines(f"line 1/{i:09}.png\n" for i in range(n))
        shard = ("score", "small.defectory", manifest.name, "--shard", "0/1", "-o", out.name)
        cost = _cold(place, *shard)
        found["score_mb"].append(cost.peak_mb)
        found["listing_s"].append(cost.wall_s)
        found["merge_mb"].append(_cold(place, "merge", out.name, "--format", "csv").peak_mb)
    return found


def measure_processes(place: Path, n_names: int) -> dict[str, Any]:
    """Return images a second: `score` alone, two shards one after the other, two at once; one thread each."""
    _link(place, "many", n_names)
    shards = [_shard(place, "many", "out-once", i, 2) for i in range(2)]
    alone = ("score", "parts.defectory", "many", "-o", "out-alone", "--threads", 1)
    alone_s = _timed(lambda: _run(place, *alone))
    in_turn_s = _timed(lambda: [_run(place, *shard) for shard in shards])
    shards = [_shard(place, "many", "out-both", i, 2) for i in range(2)]

    def both() -> None:
        processes = [_start(place, *shard) for shard in shards]
        statuses = [process.wait() for process in processes]
        if any(statuses):
            raise RuntimeError((place / "log").read_text()[-500:])

    both_s = _timed(both)
    return {
        "n_scored": n_names,
        "alone_per_s": n_names / alone_s,
        "in_turn_per_s": n_names / in_turn_s,
        "at_once_per_s": n_names / both_s,
        "efficiency": in_turn_s / both_s / 2,
    }


def measure_kills(place: Path, n_names: int, n_kills: int, seed: int) -> dict[str, Any]:
    """Return how many kills came while a shard was at work, and whether the result is that of one process."""
    rng = random.Random(seed)
    _link(place, "few", n_names)
    _run(place, "score", "parts.defectory", "few", "-o", "out-whole", "--format", "csv")
    shards = [_shard(place, "few", "out-killed", i, _N_SHARDS) for i in range(_N_SHARDS)]
    whole_s = _timed(lambda: _run(place, *_shard(place, "few", "out-timed", 0, _N_SHARDS)))
    n_at_work = 0
    for kill in range(n_kills):
        process = _start(place, *shards[kill % _N_SHARDS])
        time.sleep(rng.uniform(0.2, 1) * whole_s)
        process.send_signal(signal.SIGKILL)
        n_at_work += process.wait() == -signal.SIGKILL
    for shard in shards:
        _run(place, *shard)
    _run(place, "merge", "out-killed", "--format", "csv")
    whole, merged = (place / name / "scores.csv" for name in ("out-whole", "out-killed"))
    names = [line.split(b",")[0] for line in merged.read_bytes().splitlines()[1:]]
    return {
        "n_killed_at_work": n_at_work,
        "n_missing": n_names - len(set(names)),
        "n_twice": len(names) - len(set(names)),
        "is_identical": whole.read_bytes() == merged.read_bytes(),
    }


def _link(place: Path, folder: str, n: int) -> None:
    """Write a folder of n names for the few pictures."""
    pictures = sorted((place / "pictures").iterdir())
    (place / folder).mkdir()
    for i in range(n):
        (place / folder / f"{i:06}.png").hardlink_to(pictures[i % len(pictures)])


def _shard(place: Path, images: str, out: str, i: int, n: int) -> tuple[object, ...]:
    size = max(1, sum(1 for _ in (place / images).iterdir()) // n // 8)
    options = ("--threads", 1, "--chunk-size", size)
    return ("score", "parts.defectory", images, "-o", out, "--shard", f"{i}/{n}", *options)


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _run(place: Path, *arguments: object) -> None:
    if _start(place, *arguments).wait():
        raise RuntimeError((place / "log").read_text()[-500:])


def _start(place: Path, *arguments: object) -> subprocess.Popen[bytes]:
    command = [*_CLI, *map(str, arguments), "--quiet"]
    with (place / "log").open("wb") as log:
        return subprocess.Popen(
            command, cwd=place, stdout=log, stderr=log, env=os.environ | {"OMP_NUM_THREADS": "1"}
        )


def _cold(place: Path, *arguments: object) -> Cost:
    """Return the cost of a command in a place."""
    cache = place / "cache"
    cache.mkdir(exist_ok=True)
    return run_cold([*map(str, arguments), "--quiet"], cache)
