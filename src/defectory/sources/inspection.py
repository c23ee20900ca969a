"""The data doctor: what was understood of a data set, and what is wrong with it."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from defectory.domain import NoProgress, Progress, own_groups
from defectory.remote.copies import told_remote
from defectory.sources.dataset import Dataset
from defectory.sources.duplicates import check_duplicates, check_found_groups
from defectory.sources.facts import ImageFacts, measure
from defectory.sources.findings import (
    Finding,
    Measured,
    check_drift,
    check_masks,
    check_pictures,
    check_readable,
)
from defectory.sources.fit_findings import (
    check_frames,
    check_skipped,
    check_test,
    check_training,
    check_variety,
    stops_fit,
)

_SEVERITIES = ("error", "warning", "info")


@dataclass(frozen=True)
class Inspection:
    """What `inspect_dataset` found.

    Attributes
    ----------
    root : the data set's folder
    layout : how it was understood
    n_images : all images, readable or not
    n_unreadable : images that cannot be read
    n_masks : images with a mask file
    counts : split -> label -> number of images; the split "" where none is given
    defect_types : type -> number of images
    sizes_px : "min", "median" and "max" -> (width, height), each side by itself; of readable images
    modes : channel mode, as Pillow calls it -> number of images
    problems : findings, the gravest first
    notes : what was assumed when the data set was read
    n_groups : groups of images that belong together, as a manifest or a rule says, where an image of none is
        one of its own; None where none is named
    """

    root: str
    layout: str
    n_images: int
    n_unreadable: int
    n_masks: int
    counts: dict[str, dict[str, int]]
    defect_types: dict[str, int]
    sizes_px: dict[str, tuple[int, int]]
    modes: dict[str, int]
    problems: tuple[Finding, ...]
    notes: tuple[str, ...] = ()
    n_groups: int | None = None

    @property
    def has_errors(self) -> bool:
        """Whether `fit`, with its default settings, would refuse the data."""
        return any(finding.severity == "error" for finding in self.problems)

    def with_findings(self, *more: Finding) -> "Inspection":
        """Return the inspection with further findings, the gravest first."""
        return replace(self, problems=_gravest_first([*self.problems, *more]))

    def to_dict(self) -> dict[str, Any]:
        """Return everything as dicts, lists, strings and numbers, ready for JSON."""
        return {**asdict(self), "has_errors": self.has_errors}


def inspect_dataset(
    dataset: Dataset, *, look_for_groups: bool = True, progress: Progress | None = None
) -> Inspection:
    """Return what is in the data set and what is wrong with it; broken files are findings.

    Parameters
    ----------
    dataset : what `read_dataset` returned
    look_for_groups : whether a fit would look for groups, where the data set names none
    progress : receives one step an image; None is silence

    Notes
    -----
    An error is what `fit` would refuse: the two call `training_part`.
    Every file is read once, by a few threads. Cost: time O(n) for reading; copies are searched for
    as `find_similar_pairs` says; memory about 5 KB an image.
    """
    facts = measure(dataset.samples, progress or NoProgress())
    measured = [
        (sample, known)
        for sample, known in zip(dataset.samples, facts, strict=True)
        if isinstance(known, ImageFacts)
    ]
    image_stops, mask_stops = stops_fit(dataset, facts)
    found = [
        *check_training(dataset),
        *check_readable(dataset, facts, stops_fit=image_stops),
        *_check_measured(dataset, measured, mask_stops),
        *(check_found_groups(dataset, measured) if look_for_groups else ()),
        *check_test(dataset),
        *check_skipped(dataset),
    ]
    return Inspection(
        root=told_remote(str(dataset.root)),
        layout=dataset.layout,
        n_images=len(dataset),
        n_unreadable=len(dataset) - len(measured),
        n_masks=sum(sample.mask_path is not None for sample in dataset.samples),
        counts=_counts(dataset),
        defect_types=_count(s.defect_type for s in dataset.samples if s.defect_type),
        sizes_px=_sizes(measured),
        modes=_count(known.mode for _, known in measured),
        problems=_gravest_first(found),
        notes=dataset.notes,
        n_groups=_count_groups(dataset),
    )


def _gravest_first(found: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(found, key=lambda finding: _SEVERITIES.index(finding.severity)))


def _check_measured(
    dataset: Dataset, measured: Measured, mask_stops_fit: bool
) -> Iterator[Finding]:
    unmatched = [path.relative_to(dataset.root).as_posix() for path in dataset.unmatched_masks]
    yield from check_masks(measured, unmatched, stops_fit=mask_stops_fit)
    if measured:
        yield from check_variety(dataset, measured)
        yield from check_frames(measured)
        yield from check_duplicates(measured)
        yield from check_drift(measured)
        yield from check_pictures(measured)


def _counts(dataset: Dataset) -> dict[str, dict[str, int]]:
    splits = sorted({sample.split for sample in dataset.samples}, key=["train", "test", ""].index)
    return {
        split: _count(s.label.name.lower() for s in dataset.samples if s.split == split)
        for split in splits
    }


def _count_groups(dataset: Dataset) -> int | None:
    named = dataset.groups
    return None if named is None else len(np.unique(own_groups(len(dataset), named)))


def _count(things: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(things).items()))


def _sizes(measured: Measured) -> dict[str, tuple[int, int]]:
    if not measured:
        return {}
    sizes = np.array([(known.width_px, known.height_px) for _, known in measured])
    of = {"min": sizes.min(0), "median": np.median(sizes, axis=0), "max": sizes.max(0)}
    return {name: (int(width), int(height)) for name, (width, height) in of.items()}
