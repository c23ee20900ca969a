"""A fitted detector with its threshold, ready to score and to ship."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from defectory.artifacts import (
    BUNDLE_FILE,
    Bundle,
    BundleFacts,
    Promise,
    load_bundle,
    save_bundle,
)
from defectory.calibration import Threshold, choose_threshold
from defectory.calibration.estimates import TAIL, tail_that_reaches
from defectory.calibration.p_values import ConformalPValues
from defectory.detectors import provider_of
from defectory.domain import (
    CONTENT_DIGITS,
    BundleError,
    Decision,
    HeldOutScores,
    ImageReadError,
    ImageSource,
    ParameterError,
    Progress,
    Scores,
)
from defectory.domain.images import Image
from defectory.domain.scores import AnomalyMap
from defectory.machine import count_readers, map_ordered
from defectory.workflows.decisions import decide

if TYPE_CHECKING:
    from defectory.calibration.gray_zone import GrayZone
    from defectory.calibration.trade_offs import Holder, TradeOff


@dataclass(frozen=True)
class CalibratedDetector:
    """What a fit gives and a bundle holds.

    Attributes
    ----------
    bundle : detector, calibration scores, promise, facts
    """

    bundle: Bundle

    @cached_property
    def threshold(self) -> Threshold:
        """The image threshold, with what it promises."""
        return self._choose_threshold("scores")

    @cached_property
    def pixel_threshold(self) -> float:
        """Above it a cell of a map is defective; good images exceed it at the same rate."""
        return self._choose_threshold("peaks").value

    @cached_property
    def gray_zone(self) -> "GrayZone | None":
        """What is neither rejected nor accepted; None where no miss rate is promised."""
        if self.promise.miss_rate is None:
            return None
        from defectory.calibration.gray_zone import fit_gray_zone  # not every bundle has one

        return fit_gray_zone(
            self.good_scores, self.bundle.defects, self.threshold, self.promise.miss_rate
        )

    @property
    def accept_threshold(self) -> float | None:
        """Below it images are accepted; None where all that are not rejected are."""
        return None if self.gray_zone is None else self.gray_zone.accept.value

    @property
    def good_scores(self) -> HeldOutScores:
        """Held-out scores that the threshold rests on: of confirmed images, or of all for an estimate."""
        known = self.bundle.calibration
        return known if self.threshold.is_estimated else known.take(known.is_confirmed)

    @cached_property
    def p_values(self) -> ConformalPValues:
        """What gives scores their p-values."""
        return ConformalPValues.fit(self.good_scores)

    @cached_property
    def trade_offs(self) -> "tuple[TradeOff, ...]":
        """What other promises would cost, the strictest first."""
        from defectory.calibration.trade_offs import trade_offs  # scoring asks for none

        bundle = self.bundle
        return trade_offs(
            bundle.calibration,
            bundle.defects,
            self.promise.confidence,
            prefers_estimate=self.promise.prefers_estimate,
            tail=self.promise.tail,
        )

    @cached_property
    def holders(self) -> "tuple[Holder, ...]":
        """Good images that alone cost much of the recall, the costliest first."""
        from defectory.calibration.trade_offs import find_holders  # scoring asks for none

        return find_holders(
            self.bundle.calibration,
            self.bundle.defects,
            self.threshold,
            prefers_estimate=self.promise.prefers_estimate,
            tail=self.promise.tail,
        )

    @property
    def promise(self) -> Promise:
        """What the threshold keeps."""
        return self.bundle.promise

    @property
    def facts(self) -> BundleFacts:
        """The story of the fit: data fingerprint, seed, label counts, versions, notes."""
        return self.bundle.facts

    @property
    def packages(self) -> tuple[str, ...]:
        """Names of the packages whose code scoring runs: that of a plug-in's detector."""
        provider = provider_of(self.bundle.detector)
        return () if provider is None else (provider.name,)

    @property
    def provider(self) -> str:
        """What its networks run on: cpu, openvino or cuda; of the machine, not of the bundle."""
        return self.bundle.detector.backbone_.provider

    def with_false_reject_rate(
        self, rate: float, confidence: float | None = None, *, prefers_estimate: bool = False
    ) -> "CalibratedDetector":
        """Return the model with another promise; nothing is fitted again, raw scores stay."""
        confidence = self.promise.confidence if confidence is None else confidence
        return self._with_promise(
            replace(
                self.promise,
                false_reject_rate=rate,
                confidence=confidence,
                prefers_estimate=prefers_estimate,
            )
        )

    def with_miss_rate(self, rate: float | None) -> "CalibratedDetector":
        """Return the model with another promise on defects, or None; nothing is fitted again."""
        return self._with_promise(replace(self.promise, miss_rate=rate))

    def with_estimate(self, value: float) -> "CalibratedDetector":
        """Return the model that estimates this image threshold for its rate, or itself where no tail does."""
        scores = self.bundle.calibration.scores.astype(np.float64)
        tail = tail_that_reaches(value, scores, self.promise.false_reject_rate)
        return self._with_promise(replace(self.promise, tail=tail)) if tail > 0 else self

    def _with_promise(self, promise: Promise) -> "CalibratedDetector":
        return replace(self, bundle=replace(self.bundle, promise=promise))

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
        if not np.isfinite(scores.image_scores).all():
            raise BundleError("the detector gives scores that are not finite; fit it anew")
        maps: Sequence[AnomalyMap | None] = scores.anomaly_maps or [None] * len(scores)
        limits = self.threshold.value, self.pixel_threshold, self.accept_threshold
        decisions = [
            decide(float(score), heat, source.sizes[i], *limits)
            for i, (score, heat) in enumerate(zip(scores.image_scores, maps, strict=True))
        ]
        return scores, decisions

    @cached_property
    def known_contents(self) -> frozenset[str]:
        """Contents of images that were learned from in fit, or set the threshold."""
        return frozenset((*self.facts.data.image_hashes, *self.bundle.calibration.contents))

    def note_known(
        self, images: ImageSource, said: str, *, most: int | None = None
    ) -> tuple[str, ...]:
        """Return what to say where the model knows some of the images, by their content, else nothing.

        Parameters
        ----------
        said : what a person should make of it, the end of the sentence
        most : images to look at, evenly spaced: each file is read once more; None for all
        """

        def is_known(index: int) -> bool:
            try:
                return images.fingerprint(index)[:CONTENT_DIGITS] in self.known_contents
            except ImageReadError:  # gone since it was scored
                return False

        step = 1 if most is None else max(1, ceil(len(images) / most))
        looked_at = range(0, len(images), step)
        n = sum(map_ordered(is_known, looked_at, count_readers()))
        if not n:
            return ()
        sample = f" (of {len(images)}, one in {step} looked at)" if step > 1 else ""
        told = (
            f"{n} of {len(looked_at)} images{sample} were learned from in fit or set the threshold"
        )
        return (f"{told}: they look better than new ones would{said}",)

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
        save_bundle(self.bundle, path, overwrite=overwrite)

    def _choose_threshold(self, of: str) -> Threshold:
        promise = self.promise
        return choose_threshold(
            self.bundle.calibration,
            promise.false_reject_rate,
            promise.confidence,
            of=of,
            prefers_estimate=promise.prefers_estimate,
            tail=promise.tail if of == "scores" else TAIL,
        )


def load_calibrated(
    path: str | Path,
    false_reject_rate: float | None = None,
    miss_rate: float | None = None,
    *,
    allow_plugins: str | Iterable[str] = (),
) -> CalibratedDetector:
    """Return the detector in a bundle with its threshold; only the base install is needed.

    Parameters
    ----------
    path : of a bundle
    false_reject_rate, miss_rate : in (0, 1), decide by other promises than the bundle's
    allow_plugins : installed packages whose detectors the bundle may use; they are imported
        a bundle by itself makes no code of other packages run

    Raises
    ------
    BundleError : there is none, or it is corrupt, truncated, hostile or newer than this version.
    PluginError : its detector comes from a package that is not installed, not allowed, or broken.
    """
    if allow_plugins:
        from defectory.plugins import import_plugins

        import_plugins([allow_plugins] if isinstance(allow_plugins, str) else allow_plugins)
    model = CalibratedDetector(load_bundle(path))
    if false_reject_rate is not None:
        model = model.with_false_reject_rate(false_reject_rate)
    if miss_rate is not None:
        model = model.with_miss_rate(miss_rate)
    _ = model.threshold, model.gray_zone  # refuse rates outside (0, 1) before work starts
    return model


def load_hashed(
    path: Path, false_reject_rate: float | None = None, miss_rate: float | None = None
) -> tuple[CalibratedDetector, str]:
    """Return the detector in a bundle with its threshold, and the SHA-256, in hex digits, of what was loaded.

    Parameters
    ----------
    path, false_reject_rate, miss_rate : see `load_calibrated`

    Raises
    ------
    BundleError, PluginError : see `load_calibrated`; or the file was replaced while it was read.
    """
    before = _state_of(path)
    model = load_calibrated(path, false_reject_rate, miss_rate)
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise BundleError(f"cannot read {path}: {error.strerror or error}") from error
    if before is None or _state_of(path) != before:
        raise BundleError(f"{path}: the file changed while it was read")
    return model, digest


def refuse_swapped(bundle: Path, others: Iterable[Path]) -> None:
    """Raise ParameterError where not the first but another of these is a bundle."""
    if _is_bundle(bundle):
        return
    for other in others:
        if _is_bundle(other):
            raise ParameterError(f"{bundle} is no bundle, but {other} is: BUNDLE comes first")


def _is_bundle(path: Path) -> bool:
    try:
        return path.is_file() and BUNDLE_FILE.is_ours(path)
    except (OSError, ValueError):
        return False


def _state_of(path: Path) -> tuple[int, int, int] | None:
    """Return what changes when the file does; without its number, which some network disks make up."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns


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
