"""Does the promised false-reject rate hold? Repeated random splits of good images, no defects needed.

Two thirds of the good images are fitted on; the threshold comes from the held-out scores of that fit;
the rejects among the other third are counted. A split contradicts the promise where so many rejects would
come up with less than 5 % probability if the true rate were the promised one. A promise at 95 %
confidence may be contradicted in about 5 % of the splits.

The promise holds for good images drawn like those fitted on. `solar-cells-blocks` breaks that on
purpose: whole blocks of neighboring cells are counted that the model has never seen the like of, as on a
new production lot.
"""

from collections.abc import Callable, Sequence
from math import comb
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.datasets import (
    block_split,
    magnetic_tile,
    solar_cells,
    thinned,
)
from benchmarks.evaluation import Indices, Options, fit
from benchmarks.provenance import provenance
from benchmarks.result_files import Run
from defectory.calibration import DEFAULT_CONFIDENCE, fit_threshold
from defectory.domain import Label
from defectory.sources import FileImages

RATES = (0.01, 0.05)
SIGNIFICANCE = 0.05
_FIT_SHARE = 2 / 3

Splitter = Callable[[int], tuple[Sequence[Path], Sequence[Path]]]


def run(options: Options) -> list[Run]:
    """Return the runs, JSON-ready: one a split."""
    return [
        _measure(options, name, split, fingerprint, seed)
        for name, (split, fingerprint) in _data_sets(options.n_images).items()
        for seed in range(options.n_splits)
    ]


def _measure(options: Options, name: str, split: Splitter, fingerprint: str, seed: int) -> Run:
    fitted, others = split(seed)
    detector = fit(options, fitted, seed)
    scores = detector.score(FileImages(others)).image_scores
    values = {rate: fit_threshold(detector.held_out_.scores, rate).value for rate in RATES}
    weights = detector.backbone_.card.id
    return {
        "protocol": "promise",
        "detector": options.detector,
        "data_set": name,
        "seed": seed,
        "confidence": DEFAULT_CONFIDENCE,
        "n_fit": len(fitted),
        "n_good": len(others),
        "rejects": {f"{rate:g}": int((scores > value).sum()) for rate, value in values.items()},
        **provenance(data=fingerprint, weights=weights, command=options.command),
    }


def summary(rate: float, counts: Sequence[tuple[int, int]]) -> dict[str, Any]:
    """Return what (rejects, good images) of several splits say of a promised rate."""
    observed = [rejects / n for rejects, n in counts]
    contradicted = [binomial_tail(n, rate, rejects) < SIGNIFICANCE for rejects, n in counts]
    return {
        "promised": rate,
        "n_splits": len(counts),
        "contradicted_share": float(np.mean(contradicted)),
        "observed_mean": float(np.mean(observed)),
        "observed_max": float(max(observed)),
    }


def binomial_tail(n: int, p: float, at_least: int) -> float:
    """Return P(Binomial(n, p) >= at_least)."""
    return 1.0 - sum(comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(at_least))


def _data_sets(n_images: int | None) -> dict[str, tuple[Splitter, str]]:
    """Return how each data set is split, and its fingerprint; MissingDataError where one is not here."""
    tiles, cells = magnetic_tile(), solar_cells()
    good = tiles.with_label(Label.NORMAL).images().paths
    chosen = _take(good, thinned(np.arange(len(good)), n_images))
    normal = [cells.paths[i] for i in thinned(cells.normal, n_images)]

    def by_blocks(seed: int) -> tuple[Sequence[Path], Sequence[Path]]:
        split = block_split(cells, seed)
        train, test = thinned(split.train, n_images), thinned(
            split.test[split.labels == 0], n_images
        )  # fmt: skip
        return _take(cells.paths, train), _take(cells.paths, test)

    return {
        "magnetic-tile": (lambda seed: _at_random(chosen, seed), tiles.fingerprint()),
        "solar-cells": (lambda seed: _at_random(normal, seed), cells.fingerprint()),
        "solar-cells-blocks": (by_blocks, cells.fingerprint()),
    }


def _at_random(paths: Sequence[Path], seed: int) -> tuple[Sequence[Path], Sequence[Path]]:
    order = np.random.default_rng(seed).permutation(len(paths))
    n_fit = round(_FIT_SHARE * len(paths))
    return _take(paths, np.sort(order[:n_fit])), _take(paths, np.sort(order[n_fit:]))


def _take(paths: Sequence[Path], indices: Indices) -> list[Path]:
    return [paths[i] for i in indices]
