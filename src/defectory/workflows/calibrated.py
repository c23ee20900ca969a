"""A fitted detector with its threshold, ready to score and to ship."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from defectory.artifacts import Bundle, load_bundle, save_bundle
from defectory.calibration import DEFAULT_CONFIDENCE, Threshold, fit_threshold
from defectory.domain import (
    BundleError,
    Decision,
    ImageSource,
    Progress,
    Scores,
)
from defectory.domain.images import Image
from defectory.domain.scores import AnomalyMap
from defectory.workflows.decisions import decide


@dataclass(frozen=True)
class CalibratedDetector:
    """What a fit gives and a bundle holds.

    Attributes
    ----------
    bundle : detector, calibration scores, provenance
    false_reject_rate, confidence : the promise that the threshold keeps
    """

    bundle: Bundle
    false_reject_rate: float
    confidence: float = DEFAULT_CONFIDENCE

    @cached_property
    def threshold(self) -> Threshold:
        """The image threshold, with what it promises."""
        scores = self.bundle.calibration["scores"]
        return fit_threshold(scores, self.false_reject_rate, self.confidence)

    @cached_property
    def pixel_threshold(self) -> float:
        """Above it a cell of a map is defective; good images exceed it at the same rate at most."""
        peaks = self.bundle.calibration["peaks"]
        return fit_threshold(peaks, self.false_reject_rate, self.confidence).value

    @property
    def facts(self) -> Mapping[str, Any]:
        """Provenance: data fingerprint, seed, label counts, versions, notes."""
        return self.bundle.facts

    def with_false_reject_rate(
        self, rate: float, confidence: float | None = None
    ) -> "CalibratedDetector":
        """Return the model with another promise; nothing is fitted again, raw scores stay."""
        return replace(
            self,
            false_reject_rate=rate,
            confidence=self.confidence if confidence is None else confidence,
        )

    def judge(
        self, images: ImageSource, *, progress: Progress | None = None
    ) -> tuple[Scores, list[Decision]]:
        """Return raw scores and anomaly maps, and one decision an image, with regions in its pixels.

        Raises
        ------
        ImageReadError : an image cannot be read.
        """
        source = _Sized(images)
        scores = self.bundle.detector.score(source, progress=progress)
        maps: Sequence[AnomalyMap | None] = scores.anomaly_maps or [None] * len(scores)
        decisions = [
            decide(float(score), heat, source.sizes[i], self.threshold.value, self.pixel_threshold)
            for i, (score, heat) in enumerate(zip(scores.image_scores, maps, strict=True))
        ]
        return scores, decisions

    def save(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write the model as one file, whole or not at all.

        Parameters
        ----------
        path : a new name, or that of a bundle
        overwrite : a bundle may be replaced; anything else that is there stays in either case

        Raises
        ------
        OutputError : there is something already, or the file cannot be written.
        """
        save_bundle(self.to_bundle(), path, overwrite=overwrite)

    def to_bundle(self) -> Bundle:
        """Return the bundle as it is saved: with the promise among its facts."""
        promise = {"false_reject_rate": self.false_reject_rate, "confidence": self.confidence}
        return replace(self.bundle, facts={**self.bundle.facts, "promise": promise})


def load_calibrated(path: str | Path, false_reject_rate: float | None = None) -> CalibratedDetector:
    """Return the detector in a bundle with its threshold; only the base install is needed.

    Parameters
    ----------
    path : of a bundle
    false_reject_rate : in (0, 1), decide by another promise than the bundle's

    Raises
    ------
    BundleError : there is none, or it is corrupt, truncated, hostile or newer than this version.
    """
    bundle = load_bundle(Path(path))
    try:
        promise = bundle.facts["promise"]
        model = CalibratedDetector(
            bundle, float(promise["false_reject_rate"]), float(promise["confidence"])
        )
        _ = model.threshold, model.pixel_threshold
    except (KeyError, TypeError, ValueError) as error:
        raise BundleError(
            f"{path}: the threshold's promise or scores are damaged ({error})"
        ) from error
    if false_reject_rate is None:
        return model
    model = model.with_false_reject_rate(false_reject_rate)
    _ = model.threshold  # refuses a rate outside (0, 1) before work starts
    return model


class _Sized:
    """An ImageSource that remembers the sizes of what was read, so that no image is read twice."""

    def __init__(self, source: ImageSource) -> None:
        self._source = source
        self.sizes: dict[int, tuple[int, int]] = {}

    def __len__(self) -> int:
        return len(self._source)

    def read(self, indices: Sequence[int]) -> list[Image]:
        images = self._source.read(indices)
        for i, image in zip(indices, images, strict=True):
            self.sizes[i] = image.shape[:2]
        return images

    def fingerprint(self, index: int) -> str:
        return self._source.fingerprint(index)
