"""A fit in parts: each leaves statistics of its images; from those of all the fit goes on.

OUT/basis.statistics                   in whose terms all parts are, from a draw of the whole collection
OUT/part-0003-of-0016.statistics       one part

Any processes on any machines may make the parts, in any order, one twice or two at once: the list of images
decides whose an image is, and what is written depends on nothing else.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from defectory.artifacts.statistics_files import StatisticsFacts, read_statistics
from defectory.detectors.additive_fit import MAX_HELD_OUT, AdditiveFit
from defectory.detectors.base import Detector, groups_to_leave_out, usable_as_normal
from defectory.detectors.grouping import draw_whole_groups
from defectory.detectors.statistics import FitStatistics, merge_statistics
from defectory.domain import (
    ImageSource,
    Label,
    MaskSource,
    NoProgress,
    ParameterError,
    Progress,
)
from defectory.sources import Dataset
from defectory.storage import readable_name
from defectory.workflows.fitting.detectors import make_detector
from defectory.workflows.fitting.limits import Limits
from defectory.workflows.fitting.options import FitOptions
from defectory.workflows.fitting.part_files import (
    BASIS_NAME,
    find_part,
    find_parts,
    find_places,
    open_folder,
    part_path,
    save_part,
)
from defectory.workflows.fitting.training_data import read_training_part, readable_part
from defectory.workflows.memory import within
from defectory.workflows.shards.membership import Shard, image_key

N_BASIS = 256
"""Images that the basis of all parts is learned from."""

_BASIS_STREAM, _DRAW_STREAM = 11, 12


@dataclass(frozen=True)
class PartSummary:
    """What came of a part.

    Attributes
    ----------
    shard : which one
    path : its file
    n_images : in its statistics
    was_there : it was complete already
    notes : what is to be said of the images
    """

    shard: Shard
    path: Path
    n_images: int
    was_there: bool
    notes: tuple[str, ...] = ()


def collect_part(
    data: Path | str | Dataset,
    folder: Path,
    shard: Shard,
    options: FitOptions | None = None,
    *,
    progress: Progress | None = None,
) -> PartSummary:
    """Pass once over the normals of one part, and write what they leave; nothing where it is there.

    Parameters
    ----------
    data : the whole collection, the same for all parts
    folder : of all parts; `fit_dataset` takes it
    shard : which part, of how many
    options : the same for all parts

    Raises
    ------
    DataError, ImageReadError : the data cannot be used.
    ParameterError : a setting is out of range, or the detector's fit does not add up.
    OutputError : the folder is of other data or settings, or cannot be written.
    ResourceError : more memory would be needed than is allowed.
    """
    options, progress = options or FitOptions(), progress or NoProgress()
    detector = make_detector(options, None)
    fit = additive(detector)
    train, notes = read_training_part(data, options)
    collection = Collection(train, detector)
    open_folder(folder, [train.root, *train.files()])
    path, facts = part_path(folder, shard), collection.facts(shard)
    there = find_part(path, facts)
    if there is not None:
        return PartSummary(shard, path, there.n_images, was_there=True, notes=notes)
    own = collection.take(collection.part(shard))
    limits = Limits(None, options.max_memory_bytes)
    with within(limits.plan_memory(detector, own if len(own) else train)):
        fit.basis_ = _shared_basis(folder, collection, options, progress)
        own, more = readable_part(own, options, progress, may_be_empty=True)
        statistics = FitStatistics(0, {}, None, fit.basis_)
        if len(own):
            groups = collection.groups_of(own)
            statistics = fit.collect(own.images(), groups=groups, progress=progress)
    save_part(path, statistics, facts)
    return PartSummary(shard, path, statistics.n_images, was_there=False, notes=(*notes, *more))


@dataclass(frozen=True)
class MergedParts:
    """Statistics of a whole collection, and a draw of its images.

    Attributes
    ----------
    statistics : of all
    drawn : whole groups at random, and labeled anomalies
    collection : that they are drawn from
    note : what to say of them
    """

    statistics: FitStatistics
    drawn: Dataset
    collection: "Collection"
    note: str

    def fit(
        self,
        detector: Detector,
        train: Dataset,
        images: ImageSource,
        masks: MaskSource,
        progress: Progress,
    ) -> None:
        """Fit a detector on them; `train`: those drawn that can be read, with groups found among them."""
        numbers = self.collection.groups_of(train)
        groups, statistics = numbers, self.statistics
        if train.groups is not None and self.collection.train.groups is None:
            groups = _joined(numbers, train.groups)
            statistics = statistics.renumber(
                dict(zip(numbers.tolist(), groups.tolist(), strict=True))
            )
        additive(detector).fit_from(
            statistics, images, train.labels, masks, groups=groups, progress=progress
        )


def merge_parts(
    parts: Path | Sequence[Path], train: Dataset, detector: Detector, data: Path | str | Dataset
) -> MergedParts:
    """Return the statistics of all parts and a draw of the collection.

    Parameters
    ----------
    parts : folder of `collect_part`, or files of statistics, one of them of the collection
    train : the collection
    detector : not fitted
    data : as the collection was given, for the command that makes a missing part

    Raises
    ------
    DataError : parts are missing (the commands that make them are named), damaged, or of other data.
    ParameterError : the detector's fit does not add up.
    """
    fit = additive(detector)
    collection = Collection(train, detector)
    if isinstance(parts, Path):
        facts = collection.facts(Shard(0, 1))
        name = readable_name(str(train.root if isinstance(data, Dataset) else data))
        command = ["defectory", "fit", name, "--detector", detector.name, "-o", str(parts)]
        found = find_parts(parts, facts, command)
    else:
        found = find_places(parts, collection.facts(Shard(0, 1), by_content=True))
    statistics = merge_statistics(found, fit.n_patches, seed=collection.seed)
    drawn = collection.take(collection.draw())
    whose = "parts" if isinstance(parts, Path) else "places"
    note = (
        f"learned from statistics of {statistics.n_images:,} images in {len(found)} {whose}; "
        f"{len(drawn):,} images, drawn at random, were read again and left out"
    )
    return MergedParts(statistics, drawn, collection, note)


def additive(detector: Detector) -> AdditiveFit:
    """Return the detector as one whose fit adds up; ParameterError where it does not."""
    if not isinstance(detector, AdditiveFit):
        raise ParameterError(
            f"a fit of {detector.name} cannot be made in parts; take auto, gaussian or patch-memory"
        )
    return detector


class Collection:
    """The images that all parts are of.

    Parameters
    ----------
    train : all of them
    detector : not fitted
    """

    def __init__(self, train: Dataset, detector: Detector) -> None:
        self.train = train
        self.seed = int(getattr(detector, "seed", 0))
        self._detector = detector
        self._labels = train.labels
        self._normals = usable_as_normal(len(train), self._labels)
        self._groups = groups_to_leave_out(len(train), train.groups, self._normals)
        self._rows = {sample.name: row for row, sample in enumerate(train.samples)}

    def facts(self, shard: Shard, *, by_content: bool = False) -> StatisticsFacts:
        """Return what the statistics of a part are of.

        Parameters
        ----------
        by_content : images are known by what is in their files, not by their names; each file is read
        """
        digest = hashlib.sha256()
        images = self.train.images()
        known = zip(self.train.samples, self._labels.tolist(), self._groups.tolist(), strict=True)
        for row, (sample, label, group) in enumerate(known):
            name = images.fingerprint(row) if by_content else sample.name
            digest.update(repr((name, label, group)).encode("utf-8", "surrogateescape"))
        return StatisticsFacts(
            detector=self._detector.name,
            config=self._detector.config(),
            data=digest.hexdigest(),
            part=shard.index,
            n_parts=shard.n,
        )

    def part(self, shard: Shard) -> NDArray[np.intp]:
        """Return the normals of a part: whole groups, by the hash of the first one's name."""
        is_own: dict[int, bool] = {}
        own = []
        for row in self._normals.tolist():
            group = int(self._groups[row])
            if group not in is_own:
                is_own[group] = shard.holds(image_key(self.train.samples[row].name))
            if is_own[group]:
                own.append(row)
        return np.array(own, np.intp)

    def draw_basis(self) -> NDArray[np.intp]:
        """Return the few normals that the basis is learned from."""
        rng = np.random.default_rng([self.seed, _BASIS_STREAM])
        return np.sort(rng.permutation(self._normals)[:N_BASIS])

    def draw(self) -> NDArray[np.intp]:
        """Return the images of the second pass: normals of whole groups, and labeled anomalies."""
        rng = np.random.default_rng([self.seed, _DRAW_STREAM])
        anomalous = np.flatnonzero(self._labels == Label.ANOMALOUS)
        normals = draw_whole_groups(self._normals, self._groups, MAX_HELD_OUT, rng)
        few = rng.permutation(anomalous)[:MAX_HELD_OUT]
        return np.sort(np.concatenate([normals, few]))

    def take(self, rows: NDArray[np.intp]) -> Dataset:
        """Return some of the images."""
        return replace(self.train, samples=tuple(self.train.samples[row] for row in rows.tolist()))

    def groups_of(self, dataset: Dataset) -> NDArray[np.int64]:
        """Return the numbers of groups of some of the images, as they hold for all."""
        rows: Sequence[int] = [self._rows[sample.name] for sample in dataset.samples]
        return self._groups[rows]


def _joined(numbers: NDArray[np.int64], found: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return (n,) numbers of images, those of one found group (>= 0) with the number of its first one."""
    joined = numbers.copy()
    for group in np.unique(found[found >= 0]).tolist():
        joined[found == group] = numbers[found == group][0]
    return joined


def _shared_basis(
    folder: Path, collection: Collection, options: FitOptions, progress: Progress
) -> dict[str, NDArray[np.float32]]:
    """Return the basis of all parts; made where nobody has yet, and the same whoever makes it."""
    path, facts = folder / BASIS_NAME, collection.facts(Shard(0, 1))
    found = find_part(path, facts)
    if found is None:
        few, _ = readable_part(collection.take(collection.draw_basis()), options, progress)
        fit = additive(make_detector(options, None))
        fit.prepare(few.images(), progress=progress)
        save_part(path, FitStatistics(0, {}, None, fit.basis_), facts)
    return dict(read_statistics(path)[1].basis)
