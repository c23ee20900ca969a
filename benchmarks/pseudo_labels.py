"""How right are pseudo-labels? Magnetic tiles and solar cells, 10 % defects among the images, 10 labels.

A pool of good images and defects, one defect in ten images; a person has labeled five good images and
five defects of it, at random. Every setting of the pseudo-labeler sees the same pools, through frozen
features: mean and standard deviation over positions of block 15 of EfficientNet-Lite0. The truth of the
unlabeled images is looked at only to count. Good images are the training ones of P1 and P2.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.datasets import magnetic_tile, of_label, random_split, solar_cells, thinned
from benchmarks.evaluation import Figures, Indices, say
from benchmarks.provenance import provenance
from benchmarks.result_files import Run
from defectory.backbones import View
from defectory.backbones.feature_cache import FeatureCache
from defectory.backbones.weights import load_backbone
from defectory.domain import Label
from defectory.metrics import auroc
from defectory.pseudolabels import PseudoLabeler
from defectory.sources import FileImages

_STAGE = "block15"
_DEFECT_SHARE = 0.1
_N_LABELED = 5
_THRESHOLDS = ("matching", "percentile", "otsu")
_N_CLASSIFIERS = (1, 2, 5)


@dataclass(frozen=True)
class Setting:
    """Of the pseudo-labeler; the rest are its defaults."""

    thresholds: str = "matching"
    n_classifiers: int = 2
    own_scores: str = "left-out"


@dataclass(frozen=True)
class Images:
    """Good images and defects to draw pools from: (n, d) features each."""

    good: NDArray[np.float32]
    defects: NDArray[np.float32]
    weights: str


def settings() -> Iterator[Setting]:
    """Yield the whole grid, then what is ablated at single settings."""
    for thresholds in _THRESHOLDS:
        for k in _N_CLASSIFIERS:
            yield Setting(thresholds, k)
    for k in _N_CLASSIFIERS:
        yield Setting(n_classifiers=k, own_scores="as-fitted")


def run(*, n_seeds: int, cache: Path, n_images: int | None, command: str) -> list[Run]:
    """Return the runs, JSON-ready: one a data set, setting and pool."""
    runs: list[Run] = []
    for name, good, defects, fingerprint in _data_sets():
        images = _read(_thin(good, n_images), _thin(defects, n_images), cache)
        say(f"{name}: features of {len(images.good)} good images, {len(images.defects)} defects")
        facts = provenance(data=fingerprint, weights=images.weights, command=command)
        runs += [
            {
                "protocol": "pseudo-labels", "data_set": name, "setting": asdict(setting),
                "seed": seed, "figures": _figures(images, setting, seed), **facts,
            }
            for setting in settings()
            for seed in range(n_seeds)
        ]  # fmt: skip
    return runs


def _figures(images: Images, setting: Setting, seed: int) -> Figures:
    features, labels, truth = draw_pool(images, seed)
    labeler: Any = PseudoLabeler
    found = labeler(**asdict(setting), seed=seed).label(features, labels)
    hidden = labels == Label.UNLABELED
    scores = found.scores[hidden].mean(axis=1)
    return {"auroc": auroc(scores, truth[hidden])} | agreement(found.labels[hidden], truth[hidden])


def draw_pool(
    images: Images, seed: int
) -> tuple[NDArray[np.float32], NDArray[np.int8], NDArray[np.int8]]:
    """Return features, labels as known to a person, and the truth; good images first."""
    rng = np.random.default_rng(seed)
    n_good = len(images.good)
    n_defects = round(_DEFECT_SHARE / (1 - _DEFECT_SHARE) * n_good)
    good = images.good[rng.permutation(n_good)]
    defects = images.defects[rng.permutation(len(images.defects))[:n_defects]]
    truth = np.repeat(np.array([0, 1], np.int8), [len(good), len(defects)])
    labels = np.full(len(truth), Label.UNLABELED, np.int8)
    labels[:_N_LABELED] = Label.NORMAL
    labels[-_N_LABELED:] = Label.ANOMALOUS
    return np.concatenate([good, defects]), labels, truth


def agreement(labels: NDArray[np.int8], truth: NDArray[np.int8]) -> Figures:
    """Return precision and recall of either label; precision is not a number where none was given."""
    figures = {}
    for code, name in ((Label.ANOMALOUS, "anomalous"), (Label.NORMAL, "normal")):
        given, right = labels == code, (labels == code) & (truth == code)
        figures[f"{name}_precision"] = float(right.sum() / given.sum()) if given.any() else np.nan
        figures[f"{name}_recall"] = float(right.sum() / (truth == code).sum())
    return figures


def _data_sets() -> Iterator[tuple[str, Sequence[Path], Sequence[Path], str]]:
    tiles, cells = magnetic_tile(), solar_cells()
    good = of_label(tiles.subset("train"), Label.NORMAL).images().paths
    defects = of_label(tiles, Label.ANOMALOUS).images().paths
    yield "magnetic-tile", good, defects, tiles.fingerprint()
    train = random_split(cells).train
    yield (
        "solar-cells",
        _take(cells.paths, train),
        _take(cells.paths, cells.anomalous),
        (cells.fingerprint()),
    )


def _read(good: Sequence[Path], defects: Sequence[Path], cache: Path) -> Images:
    backbone = load_backbone(stages=(_STAGE,), cache=FeatureCache(cache))
    rows = []
    for features in backbone.extract(FileImages([*good, *defects]), View()):
        cells = features[_STAGE].reshape(-1, features[_STAGE].shape[-1])
        rows.append(np.concatenate([cells.mean(axis=0), cells.std(axis=0)]))
    pooled = np.stack(rows)
    return Images(pooled[: len(good)], pooled[len(good) :], backbone.card.id)


def _thin(paths: Sequence[Path], n: int | None) -> list[Path]:
    return _take(paths, thinned(range(len(paths)), n))


def _take(paths: Sequence[Path], indices: Indices | Sequence[int]) -> list[Path]:
    return [paths[i] for i in indices]
