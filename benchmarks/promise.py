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
    MissingDataError,
    block_split,
    magnetic_tile,
    solar_cells,
    thinned,
)
from benchmarks.evaluation import Indices, Options, fit, say
from benchmarks.provenance import provenance
from defectory.calibration import DEFAULT_CONFIDENCE, fit_threshold
from defectory.domain import Label
from defectory.sources import FileImages

RATES = (0.01, 0.05)
SIGNIFICANCE = 0.05
_FIT_SHARE = 2 / 3

Splitter = Callable[[int], tuple[Sequence[Path], Sequence[Path]]]


def run(options: Options) -> dict[str, Any]:
    """Return the result, JSON-ready."""
    sets, fingerprint = _data_sets(options.n_images)
    weights, results = "", {}
    for name, split in sets.items():
        rejects: dict[float, list[tuple[int, int]]] = {rate: [] for rate in RATES}
        for seed in range(options.n_splits):
            fitted, others = split(seed)
            detector = fit(options, fitted, seed)
            weights = detector.backbone_.card.id
            scores = detector.score(FileImages(others)).image_scores
            for rate in RATES:
                value = fit_threshold(detector.held_out_scores_, rate).value
                rejects[rate].append((int((scores > value).sum()), len(others)))
        results[name] = {
            "n_fit": len(fitted),
            "rates": [summary(rate, counts) for rate, counts in rejects.items()],
        }
    return {
        "protocol": "promise",
        "detector": options.detector,
        "confidence": DEFAULT_CONFIDENCE,
        "data_sets": results,
        "provenance": provenance(
            data=fingerprint, weights=weights, seeds=range(options.n_splits),
            command=options.command,
        ),
    }  # fmt: skip


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
        "rejects": [[rejects, n] for rejects, n in counts],
    }


def binomial_tail(n: int, p: float, at_least: int) -> float:
    """Return P(Binomial(n, p) >= at_least)."""
    return 1.0 - sum(comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(at_least))


def _data_sets(n_images: int | None) -> tuple[dict[str, Splitter], str]:
    cells = solar_cells()
    normal = [cells.paths[i] for i in thinned(cells.normal, n_images)]
    sets: dict[str, Splitter] = {"solar-cells": lambda seed: _at_random(normal, seed)}
    prints = cells.fingerprint()[:8]

    def by_blocks(seed: int) -> tuple[Sequence[Path], Sequence[Path]]:
        split = block_split(cells, seed)
        train, test = thinned(split.train, n_images), thinned(
            split.test[split.labels == 0], n_images
        )  # fmt: skip
        return _take(cells.paths, train), _take(cells.paths, test)

    sets["solar-cells-blocks"] = by_blocks
    try:
        tiles = magnetic_tile()
    except MissingDataError as error:
        say(f"skipped magnetic-tile: {error}")
        return sets, prints
    good = tiles.with_label(Label.NORMAL).images().paths
    chosen = _take(good, thinned(np.arange(len(good)), n_images))
    sets["magnetic-tile"] = lambda seed: _at_random(chosen, seed)
    return sets, tiles.fingerprint()[:8] + prints


def _at_random(paths: Sequence[Path], seed: int) -> tuple[Sequence[Path], Sequence[Path]]:
    order = np.random.default_rng(seed).permutation(len(paths))
    n_fit = round(_FIT_SHARE * len(paths))
    return _take(paths, np.sort(order[:n_fit])), _take(paths, np.sort(order[n_fit:]))


def _take(paths: Sequence[Path], indices: Indices) -> list[Path]:
    return [paths[i] for i in indices]
