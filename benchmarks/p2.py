"""P2 `clean`: solar cells, image level, by the random split of the protocol and by blocks of neighbors."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.datasets import SolarCells, Split, block_split, random_split, solar_cells, thinned
from benchmarks.evaluation import Indices, Options, Run, fit, image_figures, repeat
from benchmarks.provenance import provenance
from defectory.sources import FileImages


def run(options: Options) -> dict[str, Any]:
    """Return the result, JSON-ready."""
    cells = solar_cells()
    split = _thin(random_split(cells), options.n_images)
    results, weights = repeat(
        lambda indices, seed: _measure(
            options, cells, replace(split, train=split.train[indices]), seed
        ),
        len(split.train),
        options.n_seeds,
    )
    splits = [_thin(block_split(cells, seed), options.n_images) for seed in range(options.n_seeds)]
    return {
        "protocol": "p2-clean",
        "detector": options.detector,
        "n_test": _counts(split),
        **results,
        "blocks": [
            _measure(options, cells, chosen, seed).figures for seed, chosen in enumerate(splits)
        ],
        "n_blocks": [{"fit": len(chosen.train), **_counts(chosen)} for chosen in splits],
        "provenance": provenance(
            data=cells.fingerprint(), weights=weights, seeds=range(options.n_seeds),
            command=options.command,
        ),
    }  # fmt: skip


def _measure(options: Options, cells: SolarCells, split: Split, seed: int) -> Run:
    detector = fit(options, _paths(cells, split.train), seed)
    scores = detector.score(FileImages(_paths(cells, split.test)))
    figures = image_figures(detector, scores, split.labels)
    return Run(figures, scores.image_scores, detector.backbone_.card.id)


def _paths(cells: SolarCells, indices: Sequence[int] | Indices) -> list[Path]:
    return [cells.paths[i] for i in indices]


def _counts(split: Split) -> dict[str, int]:
    return {"normal": int((split.labels == 0).sum()), "anomalous": int(split.labels.sum())}


def _thin(split: Split, n: int | None) -> Split:
    kept = thinned(np.arange(len(split.test)), n)
    return Split(thinned(split.train, n), split.test[kept], split.labels[kept])
