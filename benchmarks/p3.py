"""P3: outliers in an unlabeled collection. Each class of Fashion-MNIST in turn is normal, the others odd.

The method is fitted on the contaminated, unlabeled union and scores it; labels touch the metrics only.
The ratio is the outliers' share of the collection: 7,000 normals and 778 outliers at .1.
"""

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.datasets import MissingDataError, shared_data
from benchmarks.provenance import provenance
from defectory.backbones import FeatureCache, View, load_backbone
from defectory.detectors.contrast.encoding import GRID_SIDE
from defectory.detectors.contrast.projection import Projection, pool_grids
from defectory.detectors.mcod import Mcod
from defectory.metrics import auroc, average_precision
from defectory.sources.idx import IdxImages, read_idx
from defectory.training.resources import TrainingResources

RATIOS = (0.05, 0.1, 0.15, 0.2, 0.25)
CLASSES = tuple(range(10))
CLASS_NAMES = (
    "T-shirt", "trouser", "pullover", "dress", "coat",
    "sandal", "shirt", "sneaker", "bag", "boot",
)  # fmt: skip

ABLATIONS: dict[str, dict[str, Any]] = {
    "as it is": {},
    "no instance contrast": {"contrast_weight": 0.0},
    "no cluster contrast": {"cluster_weight": 0.0},
    "no balance": {"balance_weight": 0.0},
    "no read loss": {"read_weight": 0.0},
    "nothing untrusted": {"trim_ratio": 0.0},
    "plain read distance": {"whiten": False},
    "summed read loss": {"sum_read_loss": True},
    "temperature 10": {"temperature": 10.0},
    "two slots": {"n_slots": 2},
    "as released": {
        "sum_read_loss": True, "temperature": 10.0, "cluster_temperature": 0.01,
        "unit_memory": True, "trim_ratio": 0.0, "whiten": False,
    },
}  # fmt: skip
"""What is changed of Mcod's defaults, one row of the ablation each."""

Figures = dict[str, float]


@dataclass(frozen=True)
class Told:
    """What the command line told; `settings` are those of Mcod that differ from its defaults."""

    encoder: str
    classes: Sequence[int]
    ratios: Sequence[float]
    n_seeds: int
    cache: Path
    command: str
    with_rivals: bool = False
    one_kind: bool = False
    ablates: bool = False
    n_images: int | None = None
    time_budget_s: float | None = None
    settings: dict[str, Any] = field(default_factory=dict)


def fashion_mnist() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return all 70,000 images and their classes; train first, then test."""
    folder = shared_data() / "fashion-mnist"
    if not folder.is_dir():
        raise MissingDataError(
            "fashion-mnist is not in ../shared/data; set DEFECTORY_SHARED_DATA to its parent folder"
        )
    parts = [
        np.concatenate([read_idx(_find(folder, f"{split}-{what}")) for split in ("train", "t10k")])
        for what in ("images-idx3-ubyte", "labels-idx1-ubyte")
    ]
    return parts[0], parts[1]


def draw_collection(
    classes: NDArray[np.uint8],
    normal: int,
    ratio: float,
    seed: int,
    n_normals: int | None = None,
    *,
    one_kind: bool = False,
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Return the indices of a contaminated collection, shuffled, and which of them are outliers.

    Parameters
    ----------
    one_kind : all outliers are of the next class: a second product mixed in, not the protocol's odds and ends
    """
    rng = np.random.default_rng([seed, normal])
    normals = np.flatnonzero(classes == normal)[:n_normals]
    n_out = round(len(normals) * ratio / (1 - ratio))
    others = classes == (normal + 1) % len(CLASSES) if one_kind else classes != normal
    odd = rng.choice(np.flatnonzero(others), n_out, replace=False)
    both = rng.permutation(np.concatenate([normals, odd]))
    return both, classes[both] != normal


def run(told: Told) -> dict[str, Any]:
    """Return the result, JSON-ready."""
    images, classes = fashion_mnist()
    rows, weights = [], set()
    for ratio in told.ratios:
        for normal in told.classes:
            for seed in range(told.n_seeds):
                chosen, truth = draw_collection(
                    classes, normal, ratio, seed, told.n_images, one_kind=told.one_kind
                )
                facts = {"class": CLASS_NAMES[normal], "ratio": ratio, "seed": seed}
                for name, settings in (ABLATIONS if told.ablates else {"": {}}).items():
                    varied = replace(told, settings={**told.settings, **settings})
                    row, card = _measure(varied, images[chosen], truth, seed)
                    weights.add(card)
                    rows.append(row | facts | ({"variant": name} if name else {}))
                    print(facts, name, row["mcod"], round(row["wall_s"], 1), flush=True)
    return {
        "protocol": "p3-ablation" if told.ablates else "p3",
        "encoder": told.encoder,
        "outliers": "one kind" if told.one_kind else "all other classes",
        "settings": told.settings,
        "time_budget_s": told.time_budget_s,
        "rows": rows,
        "provenance": provenance(
            data=hashlib.sha256(images.tobytes()).hexdigest(), weights=_join(weights),
            seeds=range(told.n_seeds), command=told.command,
        ),
    }  # fmt: skip


def figures(scores: NDArray[np.floating], truth: NDArray[np.bool_]) -> Figures:
    """Return AUROC, AUPR with the outliers as the positives, and with the others."""
    scores = np.asarray(scores, np.float64)
    return {
        "auroc": float(auroc(scores, truth)),
        "aupr_out": float(average_precision(scores, truth)),
        "aupr_in": float(average_precision(-scores, ~truth)),
    }


def _measure(
    told: Told, pixels: NDArray[np.uint8], truth: NDArray[np.bool_], seed: int
) -> tuple[dict[str, Any], str]:
    cache = FeatureCache(told.cache) if told.encoder == "packaged" else None
    detector = Mcod(encoder=told.encoder, n_folds=0, seed=seed, cache=cache, **told.settings)
    detector.resources = TrainingResources(
        n_threads=1, device="cpu", time_budget_s=told.time_budget_s
    )
    started = time.monotonic()
    source = IdxImages(pixels)
    detector.fit(source)
    row: dict[str, Any] = {
        "wall_s": time.monotonic() - started,
        "mcod": figures(detector.fitted_scores_, truth),
        "last": dict(detector.history_[-1]),
        "n_outliers": int(truth.sum()),
        "n": len(truth),
    }
    if told.with_rivals:
        row["rivals"] = _measure_rivals(detector, source, truth, seed)
    card = detector.backbone_.card
    return row, card.id if told.encoder == "packaged" else card.source


def _measure_rivals(
    detector: Mcod, source: IdxImages, truth: NDArray[np.bool_], seed: int
) -> dict[str, Figures]:
    """Return the figures of the rivals, on the coordinates that MCOD's network begins with."""
    from benchmarks.outlier_rivals import score_all

    backbone = load_backbone(detector.backbone, ("block10", "block14"), cache=detector.cache)
    view = View(detector.size_px, even_exposure=detector.even_exposure)
    raw = np.stack([pool_grids(f, GRID_SIDE) for f in backbone.extract(source, view)])
    vectors = Projection.fit(raw, detector.n_dims, np.random.default_rng(seed))(raw)
    found = score_all(vectors.astype(np.float64), float(truth.mean()), seed)
    return {name: figures(scores, truth) for name, scores in found.items()}


def _find(folder: Path, name: str) -> Path:
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            return path
    raise MissingDataError(f"{name} is not in {folder.name}")


def _join(weights: set[str]) -> str:
    return ", ".join(sorted(weights))
