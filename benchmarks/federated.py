"""Six plants that may not share pictures of solar cells: alone, and by each other's statistics.

The cells of ELPV come module after module. Six runs of neighboring blocks of 64 are six plants; of each, a
quarter of the blocks with its good and its defective cells is for tests, and the good cells of the others are
what the plant learns from. `alone`: `gaussian` fitted on the plant's own images. `joined`: the same, from the
statistics of all six, with a threshold for the plant's own images. `center`: one bundle from the statistics
alone, with one threshold, for all. `pooled`: what sharing the pictures would give.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.datasets import Indices, SolarCells, blocks, solar_cells, thinned
from benchmarks.provenance import provenance
from benchmarks.result_files import Run
from defectory.metrics.ranking import auroc, recall_at_false_reject_rate
from defectory.sources import FileImages
from defectory.workflows.calibrated import CalibratedDetector
from defectory.workflows.fitting.federated import export_statistics, fit_from_statistics
from defectory.workflows.fitting.fit import fit_dataset
from defectory.workflows.fitting.options import FitOptions

N_PLANTS = 6
WAYS = ("alone", "joined", "center", "pooled")
_TEST_SHARE = 0.25
_OPTIONS = FitOptions(detector="gaussian", keep_probes=False)


def run(*, seeds: Sequence[int], n_images: int | None, command: str) -> list[Run]:
    """Return one run a seed, JSON-ready.

    Parameters
    ----------
    n_images : smoke run: at most so many good and defective cells a plant and part
    """
    cells = solar_cells()
    facts = provenance(data=cells.fingerprint(), weights="efficientnet-lite0", command=command)
    return [
        {"protocol": "federated", "seed": seed, **_measure(cells, seed, n_images), **facts}
        for seed in seeds
    ]


def _measure(cells: SolarCells, seed: int, n_images: int | None) -> dict[str, Any]:
    plants = [_plant(cells, number, seed, n_images) for number in range(N_PLANTS)]
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        lists = [_write_list(place / f"{i}.csv", cells, p[0]) for i, p in enumerate(plants)]
        exported = [
            export_statistics(path, path.with_suffix(".statistics"), _OPTIONS) for path in lists
        ]
        files = [statistics.path for statistics in exported]
        center = fit_from_statistics(files, place / "center.defectory", None, _OPTIONS)
        everything = np.concatenate([train for train, _, _ in plants])
        whole = _write_list(place / "pooled.csv", cells, everything)
        pooled = fit_dataset(whole, _OPTIONS).model
        rows = []
        for number, (path, (train, good, bad)) in enumerate(zip(lists, plants, strict=True)):
            own = place / f"joined-{number}.defectory"
            models = {
                "alone": fit_dataset(path, _OPTIONS).model,
                "joined": fit_from_statistics(files, own, path, _OPTIONS),
                "center": center,
                "pooled": pooled,
            }
            judged = {way: _judge(model, cells, good, bad) for way, model in models.items()}
            sizes = {"n_train": len(train), "n_good": len(good), "n_bad": len(bad)}
            rows.append({"plant": number, **sizes, **judged})
    return {"plants": rows, "bytes": [statistics.n_bytes for statistics in exported]}


def _plant(
    cells: SolarCells, number: int, seed: int, n_images: int | None
) -> tuple[Indices, Indices, Indices]:
    """Return what a plant learns from, and the good and defective cells that it is tested on."""
    block = blocks(len(cells.paths))
    own = np.array_split(np.unique(block), N_PLANTS)[number]
    rng = np.random.default_rng([seed, number])
    tested = rng.permutation(own)[: max(1, round(_TEST_SHARE * len(own)))]
    is_own, is_test = np.isin(block, own), np.isin(block, tested)
    good, bad = cells.normal, cells.anomalous
    parts = good[is_own[good] & ~is_test[good]], good[is_test[good]], bad[is_test[bad]]
    train, tested_good, tested_bad = (thinned(part, n_images) for part in parts)
    return train, tested_good, tested_bad


def _write_list(path: Path, cells: SolarCells, rows: Indices) -> Path:
    listed = "".join(f"{cells.paths[row]},good\n" for row in rows.tolist())
    path.write_text(f"path,label\n{listed}")
    return path


def _judge(
    model: CalibratedDetector, cells: SolarCells, good: Indices, bad: Indices
) -> dict[str, float]:
    images = FileImages([cells.paths[row] for row in [*good.tolist(), *bad.tolist()]])
    scores = model.bundle.detector.score(images).image_scores
    is_bad = np.arange(len(scores)) >= len(good)
    is_rejected = scores > model.threshold.value
    return {
        "auroc": auroc(scores, is_bad),
        "recall_at_5pct": recall_at_false_reject_rate(scores, is_bad, 0.05),
        "recall": float(is_rejected[is_bad].mean()),
        "false_reject_rate": float(is_rejected[~is_bad].mean()),
    }
