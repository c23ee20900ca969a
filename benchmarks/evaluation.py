"""Fit, score, measure; and the repeats that give a figure its spread."""

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmarks.result_files import Run
from defectory.backbones.feature_cache import FeatureCache
from defectory.calibration import choose_threshold
from defectory.detectors import find_detector
from defectory.domain import Label, NoProgress, Scores
from defectory.metrics import auroc, average_precision, recall_at_false_reject_rate
from defectory.sources import Dataset, FileImages
from defectory.workflows.fitting.found_groups import with_found_groups

PROMISED_RATE = 0.01
SUBSET_SHARE = 0.9

Figures = dict[str, float]
Indices = NDArray[np.intp]


@dataclass(frozen=True)
class Options:
    """What a protocol run is told.

    Attributes
    ----------
    detector : name in the registry; its defaults are what is measured
    n_seeds : repeats
    cache : folder of features, so that repeats extract nothing again
    n_images : at most so many images of each kind, a smoke run; None for all
    command : as given
    """

    detector: str
    n_seeds: int
    cache: Path
    n_images: int | None
    command: str


@dataclass(frozen=True)
class Measured:
    """One fit with what it scored.

    Attributes
    ----------
    figures : of the test images
    image_scores : (n,) float32, by which equal runs are recognized
    weights : id of the weight card
    """

    figures: Figures
    image_scores: NDArray[np.float32]
    weights: str


def fit(options: Options, paths: Sequence[Path], seed: int) -> Any:
    """Return the detector, with its defaults, fitted on image files that are all normal."""
    started = time.perf_counter()
    detector: Any = find_detector(options.detector)
    fitted = detector(seed=seed, cache=FeatureCache(options.cache)).fit(
        FileImages(paths), np.full(len(paths), Label.NORMAL)
    )
    seconds = time.perf_counter() - started
    say(f"{options.detector}: fitted on {len(paths)} images, seed {seed}, {seconds:.1f} s")
    return fitted


def find_missing_groups(train: Dataset) -> Dataset:
    """Return the images with the groups that `fit` would find among them where none are named."""
    return with_found_groups(train, train.images(), NoProgress())[0]


def image_figures(detector: Any, scores: Scores, labels: ArrayLike) -> Figures:
    """Return AUROC, AP, recall, and the rate of false rejects at the threshold that promises 1 %.

    The threshold is fitted on the detector's held-out training scores; test labels touch metrics only.
    """
    found, truth = scores.image_scores, np.asarray(labels).astype(bool)
    threshold = choose_threshold(detector.held_out_, PROMISED_RATE)
    rejected = found > threshold.value
    return {
        "image_auroc": auroc(found, truth),
        "image_ap": average_precision(found, truth),
        "recall_at_1pct": recall_at_false_reject_rate(found, truth, PROMISED_RATE),
        "observed_false_reject_rate": float(rejected[~truth].mean()),
        "observed_recall": float(rejected[truth].mean()),
        "is_promise_kept_by_count": float(threshold.is_kept),
    }


def repeat(
    measure: Callable[[Indices, int], Measured], n_normals: int, n_seeds: int
) -> tuple[list[Run], str]:
    """Return runs of full fits and of fits on random 90 % of the normals, and the weight card's id.

    A detector whose scores do not change with the seed is deterministic: its spread over full fits
    is 0, and the remaining seeds are not run. The 90 % subsets show how much the figures owe
    to the very images.
    """
    everything = np.arange(n_normals)
    first = measure(everything, 0)
    full, is_deterministic = [first], False
    for seed in range(1, n_seeds):
        full.append(measure(everything, seed))
        if np.array_equal(full[-1].image_scores, first.image_scores):
            is_deterministic = True
            full = [first]
            break
    subsets = [measure(subset(n_normals, seed), seed) for seed in range(n_seeds)]
    facts = {"is_deterministic": is_deterministic, "n_normals": n_normals}
    runs = [
        {"part": part, "seed": seed, **facts, "figures": found.figures}
        for part, measured in (("full", full), ("subset", subsets))
        for seed, found in enumerate(measured)
    ]
    return runs, first.weights


def subset(n: int, seed: int) -> Indices:
    """Return a random 90 % of n indices, in order."""
    order = np.random.default_rng(seed).permutation(n)
    return np.sort(order[: round(SUBSET_SHARE * n)])


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
