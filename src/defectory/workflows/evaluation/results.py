"""The figures of a bundle on labeled images."""

from dataclasses import dataclass, field
from math import isnan, nan
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from defectory.domain import Decision, Label
from defectory.domain.scores import AnomalyMap, finite_or_none
from defectory.metrics import auroc
from defectory.sources import Sample

Interval = tuple[float, float]
"""Low and high end of a 95 % interval."""


@dataclass(frozen=True, eq=False, repr=False)
class Evaluation:
    """The figures of a bundle on labeled images; nan where a figure is undefined.

    Attributes
    ----------
    metrics : key -> value: image_auroc, image_ap, pixel_auroc, aupro, recall_at_1pct_frr, f1
    intervals : key -> 95 % bootstrap interval over images or their groups, or None where undefined
    samples, scores, decisions, maps : of the judged images, in one order
    n_normal, n_anomalous, n_unlabeled : judged images by label
    notes : what a reader must know first
    data_fingerprint : hash of the judged images, labels and masks
    root : folder of the data set
    n_groups : groups that the intervals resample, of images that belong together; None where none do
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
    n_groups: int | None = None

    def __repr__(self) -> str:
        counts = f"{self.n_normal} normal, {self.n_anomalous} anomalous"
        known = [f"{key} {value:.3f}" for key, value in self.metrics.items() if not isnan(value)]
        return f"Evaluation({', '.join([counts, *known])})"

    @property
    def labels(self) -> NDArray[np.int8]:
        """The (n,) label codes."""
        return np.array([sample.label for sample in self.samples], np.int8)

    @property
    def rejected(self) -> NDArray[np.bool_]:
        """The (n,) decisions."""
        return np.array([decision.is_anomalous for decision in self.decisions], np.bool_)

    @property
    def review(self) -> NDArray[np.bool_]:
        """Of the (n,) images which a person is to look at: none without a miss rate."""
        return np.array([decision.outcome == "review" for decision in self.decisions], np.bool_)

    @property
    def has_gray_zone(self) -> bool:
        """Whether a miss rate is promised, so that images may be neither accepted nor rejected."""
        return any(decision.accept_threshold is not None for decision in self.decisions)

    def explain_intervals(self) -> str:
        """Return what the intervals resample, in a sentence; "" where each image is by itself."""
        if self.n_groups is None:
            return ""
        return f"Intervals resample {self.n_groups:,} groups of images that belong together."

    def why_missing(self, key: str) -> str:
        """Return why a figure is undefined.

        Parameters
        ----------
        key : of the figure, as in `metrics`
        """
        if not self.n_anomalous:
            return "no defective images in the test set"
        if not self.n_normal:
            return "no good images in the test set"
        if key not in ("pixel_auroc", "aupro"):
            return "undefined"
        return "no masks in the test set" if self.maps else "the detector has no maps"

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON-ready data; undefined figures are null.

        With a miss rate it is also said how many are for a person to look at, and how many are accepted.
        """
        data: dict[str, Any] = {}
        for key, value in self.metrics.items():
            data[key] = finite_or_none(value)
            interval = self.intervals.get(key)
            data[f"{key}_ci"] = None if interval is None else list(interval)
        rejected, review, labels = self.rejected, self.review, self.labels
        for name, label in (("normal", Label.NORMAL), ("anomalous", Label.ANOMALOUS)):
            data[f"n_{name}"] = int((labels == label).sum())
            data[f"n_{name}_rejected"] = int((rejected & (labels == label)).sum())
            if self.has_gray_zone:
                data[f"n_{name}_review"] = int((review & (labels == label)).sum())
                data[f"n_{name}_accepted"] = int((~rejected & ~review & (labels == label)).sum())
        data["n_unlabeled"] = self.n_unlabeled
        data["n_groups"] = self.n_groups
        data["types"] = [row.to_dict() for row in self.types()]
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
    """One defect type: how many, how many were rejected, AUROC against all normals (nan without any)."""

    name: str
    n_images: int
    n_rejected: int
    image_auroc: float
    median_score: float

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready data; an undefined AUROC is null."""
        return {**vars(self), "image_auroc": finite_or_none(self.image_auroc)}
