"""P2 `clean`: solar cells, image level, by the random split of the protocol and by blocks of neighbors."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.datasets import SolarCells, Split, block_split, random_split, solar_cells, thinned
from benchmarks.evaluation import Indices, Measured, Options, fit, image_figures, repeat
from benchmarks.provenance import provenance
from benchmarks.result_files import Run
from defectory.sources import FileImages


def run(options: Options) -> list[Run]:
    """Return the runs, JSON-ready."""
    cells = solar_cells()
    split = _thin(random_split(cells), options.n_images)
    runs, weights = repeat(
        lambda indices, seed: _measure(
            options, cells, replace(split, train=split.train[indices]), seed
        ),
        len(split.train),
        options.n_seeds,
    )
    runs = [found | {"n_test": _counts(split)} for found in runs]
    for seed in range(options.n_seeds):
        chosen = _thin(block_split(cells, seed), options.n_images)
        runs.append(
            {
                "part": "blocks", "seed": seed, "n_normals": len(chosen.train),
                "n_test": _counts(chosen),
                "is_deterministic": runs[0]["is_deterministic"],
                "figures": _measure(options, cells, chosen, seed).figures,
            }
        )  # fmt: skip
    facts = {
        "protocol": "p2-clean",
        "detector": options.detector,
        **provenance(data=cells.fingerprint(), weights=weights, command=options.command),
    }
    return [{**facts, **found} for found in runs]


def _measure(options: Options, cells: SolarCells, split: Split, seed: int) -> Measured:
    detector = fit(options, _paths(cells, split.train), seed)
    scores = detector.score(FileImages(_paths(cells, split.test)))
    figures = image_figures(detector, scores, split.labels)
    return Measured(figures, scores.image_scores, detector.backbone_.card.id)


def _paths(cells: SolarCells, indices: Sequence[int] | Indices) -> list[Path]:
    return [cells.paths[i] for i in indices]


def _counts(split: Split) -> dict[str, int]:
    return {"normal": int((split.labels == 0).sum()), "anomalous": int(split.labels.sum())}


def _thin(split: Split, n: int | None) -> Split:
    kept = thinned(np.arange(len(split.test)), n)
    return Split(thinned(split.train, n), split.test[kept], split.labels[kept])
