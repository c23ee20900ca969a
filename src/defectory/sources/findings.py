"""What may be wrong with a data set: one small check a finding."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from defectory.domain import Label
from defectory.sources.dataset import Dataset, Sample
from defectory.sources.facts import ImageFacts

MIN_SIDE_PX = 32
BLANK_CONTRAST = 1.0
DRIFT_EFFECT = 0.8
_DRIFT_SIGMAS = 3.0
_DRIFT_MIN_IMAGES = 5
_MIN_SPREAD = 1.0  # gray levels; less is not seen by anyone
_DARK_DEEP_LEVEL = 16.0  # of 255: what 12 bits of 16 reach

Severity = Literal["error", "warning", "info"]
Measured = Sequence[tuple[Sample, ImageFacts]]


@dataclass(frozen=True)
class Finding:
    """One thing worth knowing about a data set.

    Attributes
    ----------
    severity : "error" (fit would refuse the data), "warning" (results would be weak or false) or "info"
    code : a stable name of the kind of finding
    message : what is the matter
    advice : what to do
    groups : names of the images concerned; images of one group belong together (copies of each
        other, say)
    """

    severity: Severity
    code: str
    message: str
    advice: str
    groups: tuple[tuple[str, ...], ...] = ()


def check_readable(
    dataset: Dataset, facts: Sequence[ImageFacts | str], *, stops_fit: bool = True
) -> Iterator[Finding]:
    """Yield the files that are no images, with the reason of each; an error where they stop a fit."""
    broken = [
        (sample.name, reason)
        for sample, reason in zip(dataset.samples, facts, strict=True)
        if isinstance(reason, str)
    ]
    if broken:
        yield Finding(
            "error" if stops_fit else "warning",
            "unreadable_image",
            f"{_count(broken, 'image')} cannot be read: {_reasons(r for _, r in broken)}",
            "replace or delete the files, or leave them out with --skip-unreadable",
            _singles(name for name, _ in broken),
        )


def check_masks(
    measured: Measured, unmatched: Sequence[str], *, stops_fit: bool = True
) -> Iterator[Finding]:
    """Yield masks that do not fit their images (an error where they stop a fit) or their labels."""
    broken = [(s.name, f.mask_problem) for s, f in measured if f.mask_problem]
    if broken:
        yield Finding(
            "error" if stops_fit else "warning",
            "mask_unusable",
            f"{_count(broken, 'mask')} cannot be used: {_reasons(r for _, r in broken)}",
            "draw masks at the size of their images, or delete them",
            _singles(name for name, _ in broken),
        )
    empty = [s.name for s, f in measured if s.label is Label.ANOMALOUS and f.mask_area_px == 0]
    if empty:
        yield Finding(
            "warning",
            "mask_empty",
            f"{_count(empty, 'anomalous image')} with an empty mask",
            "delete the mask if the defect was never marked; pixel figures leave these images out",
            _singles(empty),
        )
    marked = [s.name for s, f in measured if s.label is Label.NORMAL and f.mask_area_px]
    if marked:
        yield Finding(
            "warning",
            "mask_on_normal",
            f"{_count(marked, 'normal image')} with marked defect pixels",
            "look at them: either the label or the mask is wrong",
            _singles(marked),
        )
    if unmatched:
        yield Finding(
            "warning",
            "mask_unmatched",
            f"{_count(unmatched, 'mask file')} that no image belongs to",
            "name a mask as its image, with or without _mask at the end",
            _singles(unmatched),
        )


def check_pictures(measured: Measured) -> Iterator[Finding]:
    """Yield odd sizes, channel modes, depths and pictures without content."""
    sizes = Counter((f.width_px, f.height_px) for _, f in measured)
    if len(sizes) > 1:
        yield Finding(
            "info",
            "mixed_sizes",
            f"{len(sizes)} different image sizes",
            "nothing, if the parts differ in size; crop alike if the framing differs",
        )
    modes = Counter(f.mode for _, f in measured)
    if len(modes) > 1:
        listed = ", ".join(f"{count} {mode}" for mode, count in modes.most_common())
        yield Finding(
            "warning",
            "mixed_modes",
            f"images of different channels or depth: {listed}",
            "save all images alike: differences between cameras would pass for defects",
            _singles(s.name for s, f in measured if f.mode != modes.most_common(1)[0][0]),
        )
    small = [s.name for s, f in measured if min(f.width_px, f.height_px) < MIN_SIDE_PX]
    if small:
        yield Finding(
            "warning",
            "too_small",
            f"{_count(small, 'image')} less than {MIN_SIDE_PX} px wide or high",
            "use larger pictures; so few pixels hardly hold a defect",
            _singles(small),
        )
    blank = [s.name for s, f in measured if f.contrast < BLANK_CONTRAST]
    if blank:
        yield Finding(
            "warning",
            "blank_image",
            f"{_count(blank, 'image')} of one plain shade",
            "look at them: a closed shutter or a missing part teaches nothing",
            _singles(blank),
        )
    deep = [f.brightness for _, f in measured if f.mode.startswith("I")]
    if deep and float(np.median(deep)) < _DARK_DEEP_LEVEL:
        yield Finding(
            "warning",
            "dark_16bit",
            f"{_count(deep, '16-bit image')} nearly black: they use few of the 16 bits",
            "save 10- or 12-bit pictures with 8 bits, or scaled to the whole of 0..65535",
        )


def check_drift(measured: Measured) -> Iterator[Finding]:
    """Yield brightness or contrast that differs between the good images of train and test.

    The effect is the difference of the medians in robust standard deviations (1.4826 times the
    median absolute deviation, both splits pooled, at least one gray level). It is reported above
    0.8, and only where it is more than three standard errors.
    """
    train = [f for s, f in measured if s.split == "train" and s.label is not Label.ANOMALOUS]
    test = [f for s, f in measured if s.split == "test" and s.label is Label.NORMAL]
    if min(len(train), len(test)) < _DRIFT_MIN_IMAGES:
        return
    error = 1.2533 * (1 / len(train) + 1 / len(test)) ** 0.5  # of a median, in deviations
    for what in ("brightness", "contrast"):
        a, b = (np.array([getattr(f, what) for f in split]) for split in (train, test))
        effect = _effect(a, b)
        if abs(effect) > max(DRIFT_EFFECT, _DRIFT_SIGMAS * error):
            yield Finding(
                "warning",
                f"{what}_drift",
                f"{what} of good images moves from {np.median(a):.0f} in train to "
                f"{np.median(b):.0f} in test ({effect:+.1f} robust standard deviations)",
                "light train and test alike, or add pictures under the new light to train",
            )


def _effect(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    apart = np.concatenate([np.abs(a - np.median(a)), np.abs(b - np.median(b))])
    spread = max(1.4826 * float(np.median(apart)), _MIN_SPREAD)
    return float(np.median(b) - np.median(a)) / spread


def _reasons(reasons: Iterable[str]) -> str:
    first, *more = reasons
    return first if not more else f"{first} (and {len(more)} more)"


def _count(things: Sequence[object], noun: str) -> str:
    return f"{len(things)} {noun}" + ("" if len(things) == 1 else "s")


def _singles(names: Iterable[str]) -> tuple[tuple[str, ...], ...]:
    return tuple((name,) for name in names)
