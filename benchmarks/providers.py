"""One bundle, two runtimes: how fast ONNX Runtime and OpenVINO score it, and how far they differ.

A detector is fitted on the suite's `clean` folder by the command line, with each provider, from weights that
are converted and without cached features. The bundle of `cpu` is scored with both, in turns, in fresh
processes. A process of its own loads it with both and compares scores, maps and decisions on the whole test;
and a bundle that was fitted with OpenVINO is compared with it, both scored on the `cpu`.
"""

import multiprocessing
import shutil
import statistics
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import added_runs
from benchmarks.added_runs import add_each, by_row_and_set, check_names, row_and_set
from benchmarks.cold_process import Cost, run_cold
from benchmarks.evaluation import say
from benchmarks.provenance import provenance
from benchmarks.result_files import Run
from benchmarks.suite_cases import SETS, draw, material_of
from defectory.artifacts import load_bundle
from defectory.backbones.providers import running_on
from defectory.domain import Scores
from defectory.machine import resident_bytes
from defectory.sources import Dataset, FileImages
from defectory.sources.manifest_writing import write_manifest
from defectory.workflows.calibrated import CalibratedDetector

ROWS = ("auto", "gaussian", "patch-memory")
PROVIDERS = ("cpu", "openvino")
"""The first is what the others are compared with."""

_N_REPEATS = 3
_CONVERT = ["-c", "from defectory.backbones.weights import load_backbone; load_backbone()"]


@dataclass(frozen=True, kw_only=True)
class Told(added_runs.Told):
    """What the command line says."""

    rows: tuple[str, ...]
    sets: tuple[str, ...]


def run(told: Told) -> None:
    """Add the runs that are not in the file yet; ToldError before the first where a name is unknown."""
    check_names(("row", told.rows, ROWS), ("data set", told.sets, SETS))
    for name in told.sets:
        material_of(name)  # missing data are told before the first run
    add_each(told, by_row_and_set(told, told.rows, told.sets), _run_one, row_and_set)


def _run_one(told: Told, row: str, name: str) -> Run:
    case = draw(name, "clean", 0, told.cache, told.n_images)
    with tempfile.TemporaryDirectory() as folder:
        found = measure(row, case.train, case.test, Path(folder))
    say(f"{row}, {name}: {found}")
    facts = provenance(
        data=material_of(name).fingerprint, weights=found.pop("weights"), command=told.command
    )
    return {"protocol": "providers", "row": row, "data_set": name, "seed": 0, **found, **facts}


def measure(row: str, train: Dataset, test: Dataset, work: Path) -> dict[str, Any]:
    """Return costs and differences, JSON-ready, and the weight card's id.

    Parameters
    ----------
    row : in `ROWS`
    train, test : images of a case
    work : empty folder
    """
    write_manifest(train, work / "train.csv")
    write_manifest(test, work / "test.csv")
    write_manifest(test.filter(lambda sample: sample is test.samples[0]), work / "one.csv")
    run_cold([], work / "cache", program=_CONVERT)
    costs = {provider: _fit(row, provider, work) for provider in PROVIDERS}
    scored = _score_in_turns(work, len(test))
    for provider, cost in scored.items():
        costs[provider] |= cost
    # in a process of its own: what this one holds would count into the peak of those that it starts
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context) as pool:
        compared = pool.submit(compare, work, [sample.path for sample in test.samples]).result()
    return {"n_fit": len(train), "n_test": len(test), "costs": costs, **compared}


def _fit(row: str, provider: str, work: Path) -> dict[str, float]:
    shutil.rmtree(work / "cache" / "defectory" / "features", ignore_errors=True)
    fit = ["fit", str(work / "train.csv"), "-o", str(_bundle(work, provider)), "--detector", row]
    cost = run_cold([*fit, "--provider", provider], work / "cache")
    return {"fit_s": cost.wall_s, "fit_peak_mb": _seen(cost)}


def _score_in_turns(work: Path, n: int) -> dict[str, dict[str, float]]:
    """Return images a second without start-up, and peak memory; medians."""
    found: dict[str, dict[str, list[Cost]]] = {p: {"test": [], "one": []} for p in PROVIDERS}
    for i in range(_N_REPEATS):
        for provider, costs in found.items():
            for images, repeats in costs.items():
                out = work / "scores" / f"{provider}-{images}-{i}"
                score = ["score", str(_bundle(work, "cpu")), str(work / f"{images}.csv")]
                command = [*score, "-o", str(out), "--provider", provider]
                repeats.append(run_cold(command, work / "cache"))
    return {
        provider: {
            "images_a_second": (n - 1) / max(_median(costs["test"]) - _median(costs["one"]), 1e-9),
            "score_one_s": _median(costs["one"]),
            "peak_mb": max(_seen(cost) for cost in costs["test"]),
        }
        for provider, costs in found.items()
    }


def _median(costs: Sequence[Cost]) -> float:
    return statistics.median(cost.wall_s for cost in costs)


def _seen(cost: Cost) -> float:
    """Return the peak memory; RuntimeError where this process holds more, which would hide it."""
    own_mb = resident_bytes() / 1e6
    if cost.peak_mb <= own_mb:
        raise RuntimeError(f"a peak of {cost.peak_mb:.0f} MB is below our own of {own_mb:.0f} MB")
    return cost.peak_mb


def _bundle(work: Path, provider: str) -> Path:
    return work / f"{provider}.defectory"


def compare(work: Path, paths: Sequence[Path]) -> dict[str, Any]:
    """Return how far runtimes differ on the images, and a fit with the other from one on the cpu."""
    images, usual = FileImages(list(paths)), PROVIDERS[0]
    model = CalibratedDetector(load_bundle(_bundle(work, usual)))
    expected = model.bundle.detector.score(images)
    found: dict[str, Any] = {"weights": model.bundle.detector.backbone_.card.id}
    for provider in PROVIDERS[1:]:
        with running_on(provider):
            same = load_bundle(_bundle(work, usual)).detector
        scores = same.score(images)
        limit = model.threshold.value
        found[f"scored_with_{provider}"] = differences(expected, scores, limit, limit)
        other = CalibratedDetector(load_bundle(_bundle(work, provider)))
        scores = other.bundle.detector.score(images)
        found[f"fitted_with_{provider}"] = differences(
            expected, scores, limit, other.threshold.value
        )
    return found


def differences(
    expected: Scores, found: Scores, limit: float, found_limit: float
) -> dict[str, float]:
    """Return the largest difference of scores and of maps, and how many decisions differ.

    Parameters
    ----------
    expected, found : of the same images
    limit, found_limit : scores above are rejected
    """
    pairs = zip(expected.anomaly_maps or (), found.anomaly_maps or (), strict=True)
    maps = [_largest(one, other) for one, other in pairs]
    flips = (expected.image_scores > limit) != (found.image_scores > found_limit)
    return {
        "score": _largest(expected.image_scores, found.image_scores),
        "map": max(maps, default=0.0),
        "flips": int(flips.sum()),
    }


def _largest(expected: NDArray[np.float32], found: NDArray[np.float32]) -> float:
    """Return the largest difference, as a share of the largest value."""
    return float(np.abs(expected - found).max() / np.abs(expected).max())
