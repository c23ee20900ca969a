"""Images measured and described by one normality model, each as if the model had not learned from it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from defectory.backbones import Backbone, Features, View
from defectory.detectors.evidence.measurements import Measurements, Samples, Weights
from defectory.detectors.evidence.normality import Described, Normality
from defectory.detectors.grids import batched, cell_means
from defectory.detectors.grouping import (
    MOST_TOGETHER,
    Groups,
    deal_groups,
    largest_group,
    together,
    whole_groups,
)
from defectory.detectors.statistics import FitStatistics
from defectory.domain import ImageSource, Label, MaskSource, NoProgress, Progress

Float = NDArray[np.float32]
Bools = NDArray[np.bool_]
Indices = NDArray[np.intp]
MakeNormality = Callable[[], Normality]

# Normals up to which images are left out by folds.
_FEW_NORMALS, _N_FOLDS = 64, 5
# Share of an image's places that are taken for the defect where only the image is known to be defective.
_ODDEST_RATIO = 0.1
# A place is defective where so much of it lies under the mask; of smaller masks, the fullest place.
# It is normal where no more than the last lies there: edges of a defect are neither.
_COVERED, _BARE = 0.15, 0.02


@dataclass(frozen=True)
class MeasuredImages:
    """What is known of n images.

    Attributes
    ----------
    indices : (n,) which images of the fit they are
    codes : (n,) codes of Label
    groups : (n,) numbers; images of one belong together
    coverage : (n, p) float32, share of each place under the mask; nan where there is no mask
    measured : by the normality model, n images
    described : (n, p, w) int8, see `Normality.describe`
    """

    indices: Indices
    codes: NDArray[np.int8]
    groups: Groups
    coverage: Float
    measured: Measurements
    described: Described

    def __len__(self) -> int:
        return len(self.codes)

    def take(self, rows: NDArray[np.integer]) -> "MeasuredImages":
        """Return some of the images."""
        return MeasuredImages(
            self.indices[rows],
            self.codes[rows],
            self.groups[rows],
            self.coverage[rows],
            self.measured.take(rows),
            self.described[rows],
        )

    def join(self, other: "MeasuredImages") -> "MeasuredImages":
        """Return the images of both."""
        return MeasuredImages(
            np.concatenate([self.indices, other.indices]),
            np.concatenate([self.codes, other.codes]),
            np.concatenate([self.groups, other.groups]),
            np.concatenate([self.coverage, other.coverage]),
            Measurements.join([self.measured, other.measured]),
            np.concatenate([self.described, other.described]),
        )

    @property
    def can_leave_defects_out(self) -> bool:
        """Whether labeled defects are of several groups: without one, nothing else tells what a defect is."""
        return len(np.unique(self.groups[self.codes == Label.ANOMALOUS])) > 1

    @property
    def has_mask(self) -> Bools:
        """(n,) bool: labeled defects with a mask that marks something."""
        return np.asarray(np.isfinite(self.coverage[:, 0]))

    def marked_places(self) -> Bools:
        """Return (n, p), the places under masks."""
        least = np.minimum(_COVERED, np.max(self.coverage, axis=1, keepdims=True))
        return np.asarray(self.has_mask[:, None] & (self.coverage >= least))

    def bare_places(self) -> Bools:
        """Return (n, p), the places that masks leave out, of images with a mask."""
        is_bare = self.has_mask[:, None] & (self.coverage <= _BARE)
        return np.asarray(is_bare & ~self.marked_places())

    def defective_places(self, normality: Normality) -> Bools:
        """Return (n, p), the places that teach what a defective image is.

        The oddest tenth of labeled defects (an anomalous image has at least one anomalous place; the
        normality model says which are likely), and those under a mask. Under a mask alone there is much
        that looks good: taught by that alone, images are told worse than without masks.
        """
        found = _oddest(normality.standardized_places(self.measured)) | self.marked_places()
        return np.asarray(found & (self.codes == Label.ANOMALOUS)[:, None])


@dataclass(frozen=True)
class FeaturePasses:
    """Passes over the images of a fit or an update; after the first, features come from the cache.

    Attributes
    ----------
    backbone, view : how images are read
    images, codes, masks : as given to fit; codes are of Label
    groups : (n,) numbers; images of one belong together
    progress : told of each image
    """

    backbone: Backbone
    view: View
    images: ImageSource
    codes: NDArray[np.int8]
    masks: MaskSource | None
    groups: Groups
    progress: Progress

    def learn(
        self, normality: Normality, rows: Indices, weights: Weights | None, stage: str
    ) -> Normality:
        """Return the model, fitted on these images, each with its weights."""
        return normality.learn(self._batches(rows, stage), self.groups[rows], weights)

    def collect(self, normality: Normality, rows: Indices, stage: str) -> FitStatistics:
        """Return what a pass over these images leaves of them; the model is not fitted."""
        return normality.collect(self._batches(rows, stage), self.groups[rows])

    def measure_left_out(
        self, normality: Normality, rows: Indices, weights: Weights | None, make: MakeNormality
    ) -> MeasuredImages:
        """Return images that a model was fitted on, but for labeled defects; it is standardized on them.

        Each is measured without its group, in closed form, or by folds where normals are few or a group is
        large. Images of a group that are not among the rows are not left out with it.

        Parameters
        ----------
        normality : fitted on those of the rows that are not labeled anomalous
        rows : images
        weights : theirs in the fit, one for each row that is not anomalous
        make : returns a model that is not fitted
        """
        is_anomalous = self.codes[rows] == Label.ANOMALOUS
        normals = rows[~is_anomalous]
        of_images = None if weights is None else weights.image
        if by_folds(self.groups[normals]):
            measured = self._measure_by_folds(normals, weights, make)
            normality.standardize(measured, of_images)
            described = self._describe(normality, normals)
        else:
            measured, described = self.leave_out(normality, normals, weights)
            normality.standardize(measured, of_images)
        found = self._put_together(normality, normals, measured, described)
        if not is_anomalous.any():
            return found
        more = self.measure_new(normality, rows[is_anomalous], "scoring labeled defects")
        both = found.join(more)
        return both.take(np.argsort(both.indices, kind="stable"))

    def _describe(self, normality: Normality, rows: Indices) -> Described:
        batches = self._batches(rows, "looking at them again")
        return np.concatenate([normality.describe(normality.sample(batch)) for batch in batches])

    def measure_learned(self, normality: Normality, normals: Indices) -> MeasuredImages:
        """Return images that a model has learned from, each without its group; see `leave_out`."""
        return self._put_together(normality, normals, *self.leave_out(normality, normals))

    def leave_out(
        self, normality: Normality, normals: Indices, weights: Weights | None = None
    ) -> tuple[Measurements, Described]:
        """Return measurements of images that a model has learned from, each without its group.

        Only before the model is standardized. In closed form; groups are whole.
        """
        measured: list[Measurements] = []
        described: list[Described] = []
        ordered = together(normals, self.groups)
        places = np.searchsorted(normals, ordered)
        done = 0
        batches = self._batches(ordered, "scoring images left out")
        for batch, own_groups in whole_groups(batches, self.groups[ordered].tolist()):
            samples = normality.sample(batch)
            part = places[done : done + len(batch)]
            own = None if weights is None else weights.take(part)
            measured.append(normality.measure_left_out(samples, own_groups, own))
            described.append(normality.describe(samples))
            done += len(batch)
        back = np.argsort(places)
        return Measurements.join(measured).take(back), np.concatenate(described)[back]

    def _measure_by_folds(
        self, normals: Indices, weights: Weights | None, make: MakeNormality
    ) -> Measurements:
        """Return measurements of each image by a model fitted on the other folds.

        The closed form leaves an image out of its places, not out of the directions and the covariance that
        all places share: with few images that matters.
        """
        n, groups = len(normals), self.groups[normals]
        numbers = np.unique(groups)
        n_folds = min(_N_FOLDS, len(numbers))
        rank = np.random.default_rng(n).permutation(len(numbers))
        folds = deal_groups(groups, numbers[np.argsort(rank)].tolist(), n_folds)
        parts: list[Measurements] = []
        quiet = replace(self, progress=NoProgress())
        self.progress.start("leaving images out, fold by fold", n)
        for fold in range(n_folds):
            others = np.flatnonzero(folds != fold)
            own_weights = None if weights is None else weights.take(others)
            model = quiet.learn(make(), normals[others], own_weights, "learning")
            model.round()
            tested = quiet._batches(normals[folds == fold], "scoring")
            for batch in tested:
                parts.append(model.measure(model.sample(batch)))
                self.progress.advance(len(batch))
        order = np.argsort(np.argsort(folds, kind="stable"), kind="stable")
        return Measurements.join(parts).take(order)

    def measure_new(
        self, normality: Normality, rows: Indices, stage: str, learned: Groups | None = None
    ) -> MeasuredImages:
        """Return images that a finished model has not learned from, or without what it learned from them.

        Parameters
        ----------
        learned : (n,) numbers that groups of the rows' images had in the fit, -1 where it did not learn from
            them; None for all -1
        """
        measured: list[Measurements] = []
        described: list[Described] = []
        own = iter(np.full(len(rows), -1) if learned is None else learned)
        for batch in self._batches(rows, stage):
            samples = normality.sample(batch)
            numbers = np.array(list(islice(own, len(batch))))
            measured.append(_measure(normality, samples, numbers))
            described.append(normality.describe(samples))
        joined = Measurements.join(measured)
        return self._put_together(normality, rows, joined, np.concatenate(described))

    def absorb(self, normality: Normality, rows: Indices, groups: Groups) -> Normality:
        """Return the finished model, having learned from a few more images.

        Parameters
        ----------
        groups : (n,) numbers of the rows' images that no other image has
        """
        own = iter(groups.tolist())
        for batch in self._batches(rows, "learning good images"):
            normality = normality.absorb(normality.sample(batch), list(islice(own, len(batch))))
        return normality

    def _put_together(
        self, normality: Normality, rows: Indices, measured: Measurements,
        described: Described,
    ) -> MeasuredImages:  # fmt: skip
        coverage = np.stack([self._cover(int(row), normality.grid.places) for row in rows])
        codes, groups = self.codes[rows], self.groups[rows]
        return MeasuredImages(rows, codes, groups, coverage, measured, described)

    def _cover(self, row: int, grid: tuple[int, int]) -> Float:
        is_marked = self.masks is not None and self.codes[row] == Label.ANOMALOUS
        return cover(self.masks.read(row) if is_marked and self.masks is not None else None, grid)

    def _batches(self, rows: Indices, stage: str) -> Iterator[list[Features]]:
        if not len(rows):
            return
        self.progress.start(stage, len(rows))
        listed = [int(row) for row in rows]
        for batch in batched(self.backbone.extract(self.images, self.view, listed)):
            self.progress.advance(len(batch))
            yield batch


def _measure(normality: Normality, samples: Samples, learned: Groups) -> Measurements:
    """Return measurements of images, without those of the (n,) groups >= 0 that were learned from.

    Those in closed form, which is off by the rounding of bundles: only where many images were learned from.
    """
    if (learned < 0).all():
        return normality.measure(samples)
    alone = [samples.take(slice(i, i + 1)) for i in range(len(samples))]
    return Measurements.join(
        [
            normality.measure(one) if group < 0 else normality.measure_left_out(one, group[None])
            for one, group in zip(alone, learned, strict=True)
        ]
    )


def by_folds(groups: Groups) -> bool:
    """Return whether normals of these groups, (n,) numbers, are left out by folds: few, or large groups."""
    return len(groups) <= _FEW_NORMALS or largest_group(groups) > MOST_TOGETHER


def cover(mask: Bools | None, grid: tuple[int, int]) -> Float:
    """Return (rows * columns,) float32, the share of each place under the mask; nan without any.

    An empty mask of a defective image says no more than none.
    """
    if mask is None or not mask.any():
        return np.full(grid[0] * grid[1], np.nan, np.float32)
    return cell_means(mask, grid).ravel().astype(np.float32)


def _oddest(values: Float) -> Bools:
    """Return which of each row's values are among its highest tenth."""
    n = max(1, round(_ODDEST_RATIO * values.shape[1]))
    limits = np.partition(values, values.shape[1] - n, axis=1)[:, -n]
    return np.asarray(values >= limits[:, None])
