"""P4: speed and memory of the command line, each measurement in a cold process with an empty cache folder.

Two CPU cores (where the system can bind a process), images decoded from disk. The parent process imports
next to nothing: Linux counts its memory into the peak of a child that it starts.
"""

import os
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.base_install import measure_base_install
from benchmarks.cold_process import Cost, run_cold

GROWTH = (100, 1_000, 10_000)
_UPDATABLE = ("auto",)
_N_SHORT = 5
"""Short commands are repeated and their median taken."""

_CROP = """
import sys, random
from pathlib import Path
from PIL import Image
source, target, n = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
files, rng = sorted(source.glob("*.jpg")), random.Random(0)
for i in range(n):
    image = Image.open(files[i % len(files)])
    x, y = rng.randrange(1 + image.width // 10), rng.randrange(1 + image.height // 10)
    box = (x, y, x + image.width * 9 // 10, y + image.height * 9 // 10)
    image.crop(box).save(target / f"{i:05d}.jpg", quality=90)
"""


def run(
    detector: str, *, growth: Sequence[int], n_images: int | None, base_install: bool, command: str
) -> list[dict[str, Any]]:
    """Return the one run, JSON-ready."""
    load_before = os.getloadavg()[0]
    cores = keep_two_cores()
    tiles = _tiles_folder()
    train, test = tiles / "train" / "good", tiles / "test"
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        fit_folder = _linked(sorted(train.glob("*.jpg"))[:n_images], work / "fit" / "good").parent
        tested = sorted(test.glob("*/*.jpg"))[:n_images]
        score_folder = _linked(tested, work / "score")
        bundle = work / "tiles.defectory"
        fit = ["fit", str(fit_folder), "-o", str(bundle), *_choice(detector)]
        costs = {"fit": run_cold(fit, work / "cache")}
        costs |= {"fit_again": run_cold([*fit, "--overwrite"], work / "cache")}
        score = ["score", str(bundle), str(score_folder), "-o"]
        costs["score"] = run_cold([*score, str(work / "out")])
        costs["score_heatmaps"] = run_cold([*score, str(work / "out-maps"), "--heatmaps"])
        if detector in _UPDATABLE:
            costs["update"] = _updated(bundle, fit_folder / "good", tiles, work)
        costs["help"] = _median([["--help"]] * _N_SHORT)
        one = ["score", str(bundle), str(tested[0]), "-o"]
        costs["score_one"] = _median([[*one, str(work / f"one{i}")] for i in range(_N_SHORT)])
        result = {
            "protocol": "p4",
            "detector": detector,
            "seed": 0,
            "n_fit": len(list((fit_folder / "good").iterdir())),
            "n_score": len(tested),
            "costs": {key: asdict(cost) for key, cost in costs.items()},
            "images_per_s": _rates(len(tested), costs),
            "bundle_mb": bundle.stat().st_size / 1e6,
            "growth": [_grown(n, train, work, detector) for n in growth],
            "base_install": measure_base_install(bundle, tested[0], work) if base_install else None,
            "load_before": load_before,
        }
        weights = _weights(bundle)
    return [result | _provenance(weights, command) | {"bound_to_cores": cores}]


def _rates(n: int, costs: dict[str, Cost]) -> dict[str, float]:
    """Return images a second of the whole command, and of what it adds to scoring one image."""
    start_up = costs["score_one"].wall_s
    rates = {}
    for key in ("score", "score_heatmaps"):
        rates[key] = n / costs[key].wall_s
        rates[f"{key}_without_start_up"] = (n - 1) / max(costs[key].wall_s - start_up, 1e-9)
    return rates


def _median(commands: Sequence[Sequence[str]], cache: Path | None = None) -> Cost:
    costs = [run_cold(command, cache) for command in commands]
    return Cost(
        statistics.median(cost.wall_s for cost in costs), max(cost.peak_mb for cost in costs)
    )


def _updated(bundle: Path, fitted: Path, tiles: Path, work: Path) -> Cost:
    """Return the cost of correcting a false alarm, among the images of the fit, and a missed defect."""
    missed = min((tiles / "test" / "blowhole").glob("*.jpg"))
    labels = work / "labels.csv"
    labels.write_text(f"path,label\n{min(fitted.iterdir())},normal\n{missed},anomalous\n")
    update = ["update", str(bundle), str(labels), "-o"]
    commands = [[*update, str(work / f"updated{i}.defectory")] for i in range(_N_SHORT)]
    return _median(commands, work / "cache")


def _grown(n: int, source: Path, work: Path, detector: str) -> dict[str, Any]:
    """Return the cost of fitting n pictures of different content: random crops of the tiles."""
    folder = work / f"grown-{n}" / "good"
    folder.mkdir(parents=True)
    run_cold([str(source), str(folder), str(n)], program=["-c", _CROP])
    target = work / f"grown-{n}.defectory"
    cost = run_cold(["fit", str(folder.parent), "-o", str(target), *_choice(detector)])
    return {"n": n, **asdict(cost)}


def _linked(files: Sequence[Path], folder: Path) -> Path:
    folder.mkdir(parents=True)
    for i, file in enumerate(files):
        (folder / f"{i:04d}-{file.name}").symlink_to(file.resolve())
    return folder


def _choice(detector: str) -> list[str]:
    return ["--detector", detector]


def keep_two_cores() -> int:
    """Bind this process and its children to two cores; return how many there are then."""
    if not hasattr(os, "sched_setaffinity"):
        return os.cpu_count() or 1
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])
    return len(os.sched_getaffinity(0))


def _tiles_folder() -> Path:
    from benchmarks.datasets import magnetic_tile_folder

    return magnetic_tile_folder()


def _weights(bundle: Path) -> str:
    from defectory.artifacts import load_bundle

    return load_bundle(bundle).detector.backbone_.card.id


def _provenance(weights: str, command: str) -> dict[str, Any]:
    from benchmarks.datasets import magnetic_tile
    from benchmarks.provenance import provenance

    return provenance(data=magnetic_tile().fingerprint(), weights=weights, command=command)
