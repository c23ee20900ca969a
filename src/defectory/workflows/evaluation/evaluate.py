"""How good a bundle is on labeled images, with intervals."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import isnan, nan
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from defectory.domain import DataError, Decision, Label, NoProgress, Progress, check_settings
from defectory.domain.images import Mask
from defectory.domain.scores import AnomalyMap
from defectory.metrics import (
    auroc,
    average_precision,
    bootstrap_interval,
    f1_score,
    pixel_intervals,
    recall_at_false_reject_rate,
)
from defectory.sources import Dataset, Sample, read_dataset
from defectory.workflows.calibrated import CalibratedDetector
from defectory.workflows.readable import find_unreadable, keep_readable
from defectory.workflows.suspects import CONTENT_DIGITS

# Pixel metrics compare maps and masks on a square grid of so many cells a side, as is usual.
_EVALUATION_PX = 256

Interval = tuple[float, float]


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The figures of a bundle on labeled images; nan where a figure is undefined.

    Attributes
    ----------
    metrics : key -> value: image_auroc, image_ap, pixel_auroc, aupro, recall_at_1pct_frr, f1
    intervals : key -> 95 % bootstrap interval over images, or None where undefined
    samples, scores, decisions, maps : of the judged images, in one order
    n_normal, n_anomalous, n_unlabeled : judged images by label
    notes : what a reader must know first
    root : folder of the data set
    """

    metrics: dict[str, float]
    intervals: dict[str, Interval | None]
    samples: tuple[Sample, ...]
    scores: NDArray[np.float32]
    decisions: tuple[Decision, ...]
    maps: tuple[AnomalyMap, ...] = field(repr=False)
    n_normal: int = 0
    n_anomalous: int = 0
    n_unlabeled: int = 0
    notes: tuple[str, ...] = ()
    data_fingerprint: str = ""
    root: Path = Path()

    @property
    def labels(self) -> NDArray[np.int8]:
        """The (n,) label codes."""
        return np.array([sample.label for sample in self.samples], np.int8)

    @property
    def rejected(self) -> NDArray[np.bool_]:
        """The (n,) decisions."""
        return np.array([decision.is_anomalous for decision in self.decisions], np.bool_)

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON-ready data; undefined figures are null."""
        data: dict[str, Any] = {}
        for key, value in self.metrics.items():
            data[key] = None if isnan(value) else value
            interval = self.intervals.get(key)
            data[f"{key}_ci"] = None if interval is None else list(interval)
        rejected, labels = self.rejected, self.labels
        for name, label in (("normal", Label.NORMAL), ("anomalous", Label.ANOMALOUS)):
            data[f"n_{name}"] = int((labels == label).sum())
            data[f"n_{name}_rejected"] = int((rejected & (labels == label)).sum())
        data["n_unlabeled"] = self.n_unlabeled
        data["types"] = [row.__dict__ for row in self.types()]
        data["notes"] = list(self.notes)
        data["data_fingerprint"] = self.data_fingerprint
        return data

    def types(self) -> "tuple[TypeFigures, ...]":
        """Return the figures of each defect type against all normals."""
        labels, rejected = self.labels, self.rejected
        names = [s.defect_type or "" for s in self.samples]
        normal = labels == Label.NORMAL
        rows = []
        for name in sorted({n for n, y in zip(names, labels, strict=True) if y == Label.ANOMALOUS}):
            mine = (labels == Label.ANOMALOUS) & np.array([n == name for n in names])
            both = mine | normal
            rows.append(
                TypeFigures(
                    name=name or "defective",
                    n_images=int(mine.sum()),
                    n_rejected=int((rejected & mine).sum()),
                    image_auroc=auroc(self.scores[both], mine[both]) if normal.any() else nan,
                    median_score=float(np.median(self.scores[mine])),
                )
            )
        return tuple(rows)


@dataclass(frozen=True)
class TypeFigures:
    """One defect type: how many, how many were rejected, AUROC against all normals."""

    name: str
    n_images: int
    n_rejected: int
    image_auroc: float
    median_score: float


def evaluate(
    model: CalibratedDetector,
    data: Path | str | Dataset,
    *,
    skip_unreadable: bool = False,
    progress: Progress | None = None,
    seed: int = 0,
) -> Evaluation:
    """Return the figures on the test part of a data set (all of it where nothing is called test).

    Labels touch nothing but the figures: threshold and scores are the bundle's.

    Raises
    ------
    DataError : no image is labeled, or an image or mask cannot be read.
    """
    check_settings({"seed": seed})
    progress = progress or NoProgress()
    dataset = data if isinstance(data, Dataset) else read_dataset(data)
    test = dataset.subset("test")
    if not len(test):
        test = dataset
    notes: list[str] = []
    if skip_unreadable:
        unreadable = find_unreadable(test, progress)
        test = keep_readable(test, unreadable)
        notes += [f"left out, cannot be read: {reason}" for reason in unreadable.values()]
    if not (test.labels != Label.UNLABELED).any():
        raise DataError(
            f"{dataset.root}: no image to judge is labeled; evaluation needs labels "
            "(folders such as good/ and defect/, or a manifest with a label column)"
        )
    masks = _Masks(test)  # read first: a wrong mask is an error before the long work
    scores, decisions = model.judge(test.images(), progress=progress)
    notes += [*_trained_on(model, test), *masks.notes]
    metrics, intervals = _image_figures(scores.image_scores, test.labels, decisions, seed)
    pixel_metrics, pixel_ci = _pixel_figures(scores.anomaly_maps, masks, test.labels, seed)
    labels = test.labels
    return Evaluation(
        metrics=metrics | pixel_metrics,
        intervals=intervals | pixel_ci,
        samples=test.samples,
        scores=scores.image_scores,
        decisions=tuple(decisions),
        maps=tuple(scores.anomaly_maps or ()),
        n_normal=int((labels == Label.NORMAL).sum()),
        n_anomalous=int((labels == Label.ANOMALOUS).sum()),
        n_unlabeled=int((labels == Label.UNLABELED).sum()),
        notes=tuple(notes),
        data_fingerprint=test.fingerprint(),
        root=test.root,
    )


def _image_figures(
    scores: NDArray[np.float32], labels: NDArray[np.int8], decisions: Sequence[Decision], seed: int
) -> tuple[dict[str, float], dict[str, Interval | None]]:
    known = labels != Label.UNLABELED
    truth = (labels[known] == Label.ANOMALOUS).astype(np.int8)
    rejected = np.array([d.is_anomalous for d in decisions])[known]
    statistics: dict[str, tuple[Callable[..., float], NDArray[Any]]] = {
        "image_auroc": (auroc, scores[known]),
        "image_ap": (average_precision, scores[known]),
        "recall_at_1pct_frr": (recall_at_false_reject_rate, scores[known]),
        "f1": (lambda decided, y: f1_score(y, decided > 0), rejected.astype(np.float32)),
    }
    both_classes = 0 < truth.sum() < len(truth)
    metrics: dict[str, float] = {}
    intervals: dict[str, Interval | None] = {}
    for key, (statistic, values) in statistics.items():
        metrics[key] = float(statistic(values, truth)) if both_classes else nan
        intervals[key] = None
        if both_classes and not isnan(metrics[key]):
            found = bootstrap_interval(statistic, values, truth, seed=seed)
            intervals[key] = (found.low, found.high)
    return metrics, intervals


def _pixel_figures(
    maps: Sequence[AnomalyMap] | None, masks: "_Masks", labels: NDArray[np.int8], seed: int
) -> tuple[dict[str, float], dict[str, Interval | None]]:
    undefined: dict[str, float] = {"pixel_auroc": nan, "aupro": nan}
    has_normals = bool((labels == Label.NORMAL).any())
    if maps is None or not masks.n_with_defect or not has_normals:
        return undefined, dict.fromkeys(undefined)
    found = pixel_intervals(_Enlarged(maps, masks.indices), masks, seed=seed, n_resamples=500)
    return (
        {"pixel_auroc": found.auroc.estimate, "aupro": found.aupro.estimate},
        {
            "pixel_auroc": (found.auroc.low, found.auroc.high),
            "aupro": (found.aupro.low, found.aupro.high),
        },
    )


class _Masks(Sequence[Mask]):
    """Masks of the images that pixel metrics can use, on the evaluation grid, packed to bits.

    A normal image has an all-False mask. An anomalous image without a mask, or with an empty one, says
    nothing of its pixels and is left out.
    """

    def __init__(self, dataset: Dataset) -> None:
        self.indices: list[int] = []
        self._bits: list[NDArray[np.uint8]] = []
        n_empty, self.n_with_defect = 0, 0
        source = dataset.masks()
        nothing = np.zeros((_EVALUATION_PX, _EVALUATION_PX), np.bool_)
        for i, sample in enumerate(dataset.samples):
            mask = source.read(i) if sample.label == Label.ANOMALOUS else nothing
            if mask is None or sample.label == Label.UNLABELED:
                continue
            if sample.label == Label.ANOMALOUS and not mask.any():
                n_empty += 1
                continue
            self.n_with_defect += sample.label == Label.ANOMALOUS
            self.indices.append(i)
            self._bits.append(np.packbits(_to_grid(mask) if mask is not nothing else nothing))
        self.notes: list[str] = []
        if n_empty:
            self.notes.append(
                f"{n_empty} masks of anomalous images are empty; they count for image metrics only"
            )

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, k: Any) -> Any:
        flat = np.unpackbits(self._bits[k]).astype(np.bool_)
        return flat.reshape(_EVALUATION_PX, _EVALUATION_PX)


class _Enlarged(Sequence[AnomalyMap]):
    """Anomaly maps on the evaluation grid, enlarged one at a time."""

    def __init__(self, maps: Sequence[AnomalyMap], indices: Sequence[int]) -> None:
        self._maps = maps
        self._indices = indices

    def __len__(self) -> int:
        return len(self._indices)

    def __getitem__(self, k: Any) -> Any:
        heat = PillowImage.fromarray(self._maps[self._indices[k]])
        size = (_EVALUATION_PX, _EVALUATION_PX)
        return np.asarray(heat.resize(size, PillowImage.Resampling.BILINEAR))


def _to_grid(mask: Mask) -> Mask:
    """Return the mask on the square evaluation grid; a cell is defective where its middle is."""
    size = (_EVALUATION_PX, _EVALUATION_PX)
    grid: Mask = np.asarray(
        PillowImage.fromarray(mask).resize(size, PillowImage.Resampling.NEAREST), np.bool_
    )
    if grid.any():
        return grid
    # a defect thinner than a cell must not vanish: mark every cell that it touches
    rows, columns = np.nonzero(mask)
    touched = np.zeros(size, np.bool_)
    touched[rows * size[0] // mask.shape[0], columns * size[1] // mask.shape[1]] = True
    return touched


def _trained_on(model: CalibratedDetector, test: Dataset) -> list[str]:
    """Warn where images to judge were learned from: figures on them flatter."""
    data = model.facts.get("data")
    hashes = set(data.get("image_hashes", ())) if isinstance(data, dict) else set()
    images = test.images()
    n = sum(images.fingerprint(i)[:CONTENT_DIGITS] in hashes for i in range(len(test)))
    if not n:
        return []
    return [f"{n} of {len(test)} images were learned from in fit; the figures flatter the detector"]
