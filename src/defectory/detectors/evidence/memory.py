"""What a bundle remembers of the images it came from, so that new labels can be taken without them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from defectory.detectors.arrays import check_array, to_groups, to_hashes, to_numbers
from defectory.detectors.base import Arrays
from defectory.detectors.evidence.measured_images import MeasuredImages
from defectory.detectors.evidence.measurements import Measurements
from defectory.detectors.evidence.normality import Normality
from defectory.detectors.grouping import Groups
from defectory.domain import Label, ParameterError, own_groups

Bools = NDArray[np.bool_]
Indices = NDArray[np.intp]

# Images remembered whole at most, of each role: what places look like takes most of a bundle. A threshold
# that promises 1 % at 95 % confidence needs 299 normals.
_N_NORMAL, _N_ANOMALOUS = 400, 200


@dataclass(frozen=True)
class RememberedDistances:
    """Further images that normality has learned from, of which only the left-out distances are remembered.

    What they look like is read again when they get a label. Distances cannot be: by a model that has learned
    from the image they are far too small.

    Attributes
    ----------
    names : of m images
    groups : (m,) numbers, of one numbering with those of the images remembered whole
    measured : of m images
    """

    names: tuple[str, ...]
    groups: Groups
    measured: Measurements

    def __len__(self) -> int:
        return len(self.names)

    def take(self, rows: Indices) -> "RememberedDistances":
        """Return some of the images."""
        names = tuple(self.names[row] for row in rows.tolist())
        return RememberedDistances(names, self.groups[rows], self.measured.take(rows))

    def join(self, other: "RememberedDistances") -> "RememberedDistances":
        """Return the images of both."""
        groups = np.concatenate([self.groups, other.groups])
        measured = Measurements.join([self.measured, other.measured])
        return RememberedDistances((*self.names, *other.names), groups, measured)

    def correct(self, images: MeasuredImages, rows: Indices) -> MeasuredImages:
        """Return the images of these rows, read again, with their distances and groups of the fit."""
        return replace(images, groups=self.groups[rows], measured=self.measured.take(rows))


@dataclass(frozen=True)
class LearnedImages:
    """Images that normality has learned from and that were not studied, of which no distance is known.

    Attributes
    ----------
    names : of m images
    groups : (m,) numbers, of one numbering with those in the memory of patches
    """

    names: tuple[str, ...] = ()
    groups: Groups = field(default_factory=lambda: np.empty(0, np.int64))

    def groups_of(self, names: Sequence[str]) -> Groups:
        """Return (n,) the number of each image's group; -1 where it is none of these."""
        rows = _places_in(self.names, names)
        return np.append(self.groups, -1)[rows]


_NONE_LEARNED = LearnedImages()


@dataclass(frozen=True)
class RememberedImages:
    """Some of the studied images, and whether they are presumed normal.

    Attributes
    ----------
    known : n images; indices are theirs in the memory
    names : first hex digits of the fingerprints of their content
    is_presumed : (n,) bool, images that teach what is normal, and calibrate
    rest : the other studied images that normality has learned from
    learned : further images that it has learned from
    doubted : names of images that count less than half in what is normal
    """

    known: MeasuredImages
    names: tuple[str, ...]
    is_presumed: Bools
    rest: RememberedDistances
    learned: LearnedImages = _NONE_LEARNED
    doubted: frozenset[str] = frozenset()

    def __len__(self) -> int:
        return len(self.names)

    @classmethod
    def of(
        cls, known: MeasuredImages, names: Sequence[str], is_presumed: Bools,
        rng: np.random.Generator, learned: LearnedImages = _NONE_LEARNED,
        doubted: frozenset[str] = frozenset(),
    ) -> Self:  # fmt: skip
        """Return the memory of a fit: at random, of as many groups as can be, where images are many.

        Unlabeled images that are not presumed normal are among them: they may get a label later, and
        thresholds that are estimated go by all. Of exact copies one is remembered, a labeled one if there is:
        a label that comes later is a label of them all.
        """
        kept = _one_of_copies(names, known.codes)
        known, is_presumed = known.take(kept), is_presumed[kept]
        names = [names[row] for row in kept.tolist()]
        is_anomalous = known.codes == Label.ANOMALOUS
        chosen: set[int] = set()
        for members, limit in ((is_anomalous, _N_ANOMALOUS), (~is_anomalous, _N_NORMAL)):
            rows = rng.permutation(np.flatnonzero(members))
            # a promise counts groups: one image of each says more than several of some
            rows = rows[np.argsort(_rank_in_group(known.groups[rows]), kind="stable")]
            chosen.update(rows[:limit].tolist())
        rows = np.array(sorted(chosen), np.intp)
        known = _rounded(known)
        others = np.setdiff1d(np.flatnonzero(~is_anomalous), rows)
        return cls(
            replace(known.take(rows), indices=np.arange(len(rows))),
            tuple(names[row] for row in rows),
            is_presumed[rows],
            RememberedDistances(tuple(names), known.groups, known.measured).take(others),
            learned,
            doubted,
        )

    @property
    def confirmed(self) -> Indices:
        """Places of the images with a confirmed label."""
        return np.flatnonzero(self.known.codes != Label.UNLABELED)

    def free_group(self, normality: Normality) -> int:
        """Return the lowest number above those of all groups that were learned from or are remembered."""
        known = (self.known.groups, self.rest.groups, self.learned.groups)
        return max(normality.bank_.free_tag, *(int(groups.max(initial=-1)) + 1 for groups in known))

    def are_learned(self, names: Sequence[str]) -> Bools:
        """Return (n,) bool, which of these images normality has learned from: no defects, nothing doubted."""
        is_good = self.known.codes != Label.ANOMALOUS
        good = [name for name, is_taken in zip(self.names, is_good, strict=True) if is_taken]
        learned = {*good, *self.rest.names, *self.learned.names} - self.doubted
        return np.array([name in learned for name in names], bool)

    def with_learned(self, names: Sequence[str], groups: Groups) -> "RememberedImages":
        """Return the memory with more images that normality has learned from, (n,) numbers of theirs."""
        known = self.learned
        more = LearnedImages((*known.names, *names), np.concatenate([known.groups, groups]))
        return replace(self, learned=more)

    def with_later_fit(
        self, new: MeasuredImages, names: Sequence[str], rng: np.random.Generator
    ) -> "RememberedImages":
        """Return the memory with images of a later fit, of which all are presumed normal."""
        both = RememberedImages.of(
            self.known.join(new),
            (*self.names, *names),
            np.concatenate([self.is_presumed, np.ones(len(new), bool)]),
            rng,
            self.learned,
            self.doubted,
        )
        return replace(both, rest=self.rest.join(both.rest))

    def with_labels(self, new: MeasuredImages, names: Sequence[str]) -> "RememberedImages":
        """Return the memory with newly labeled images; what it knew of them gives way, but for distances.

        Distances of an image that was learned from are by the model without it, and stay.
        """
        new = _rounded(new)
        places, rest_rows = _places_in(self.names, names), _places_in(self.rest.names, names)
        seen = places >= 0
        codes, coverage = self.known.codes.copy(), self.known.coverage.copy()
        # the same label again, without a mask, takes no mask away
        is_told = seen & (new.has_mask | (new.codes != Label.ANOMALOUS))
        coverage[places[is_told]] = new.coverage[is_told]
        codes[places[seen]] = new.codes[seen]
        learned = np.flatnonzero(rest_rows >= 0)
        fresh = np.flatnonzero(~seen & (rest_rows < 0))
        # groups of one list of labels; what a fit would call them is not known
        above = int(max(self.known.groups.max(initial=-1), self.rest.groups.max(initial=-1))) + 1
        joined = (
            replace(self.known, codes=codes, coverage=coverage)
            .join(self.rest.correct(new.take(learned), rest_rows[learned]))
            .join(replace(new.take(fresh), groups=above + new.groups[fresh]))
        )
        n_added = len(learned) + len(fresh)
        presumed = np.concatenate([self.is_presumed, np.zeros(n_added, bool)])
        is_normal = joined.codes == Label.NORMAL
        return RememberedImages(
            replace(joined, indices=np.arange(len(joined))),
            (*self.names, *(names[row] for row in (*learned, *fresh))),
            (presumed | is_normal) & (joined.codes != Label.ANOMALOUS),
            self.rest.take(np.setdiff1d(np.arange(len(self.rest)), rest_rows)),
            self.learned,
            self.doubted.difference(names),
        )

    def measured_anew(self, images: MeasuredImages, names: Sequence[str]) -> "RememberedImages":
        """Return the memory with other distances of some of the images."""
        both = Measurements.join([self.known.measured, _rounded(images).measured])
        rows = np.arange(len(self))
        rows[_places_in(self.names, names)] = len(self) + np.arange(len(names))
        return replace(self, known=replace(self.known, measured=both.take(rows)))

    def explain(self) -> str:
        """Return what there is to learn from, in a line."""
        codes = self.known.codes
        n = {code: int((codes == code).sum()) for code in Label}
        return (
            f"remembered: {n[Label.NORMAL]} images labeled normal, {n[Label.ANOMALOUS]} labeled "
            f"defective ({int(self.known.has_mask.sum())} with a mask), {n[Label.UNLABELED]} unlabeled"
        )

    def arrays(self) -> Arrays:
        """Return all of it as float arrays; distances of patches, which are many, in half precision."""
        known, rest = self.known, self.rest
        coverage = np.where(np.isfinite(known.coverage), known.coverage, -1)
        measured = Measurements.join([known.measured, rest.measured])
        groups = np.concatenate([known.groups, rest.groups])
        return {
            "described": known.described,
            "coverage": coverage.astype(np.float16),
            "places": measured.places,
            "image": measured.image,
            "patches": measured.patches.astype(np.float16),
            "codes": known.codes.astype(np.float32),
            "groups": own_groups(len(groups), groups).astype(np.float32),
            "is_presumed": self.is_presumed.astype(np.float32),
            "names": to_numbers((*self.names, *rest.names)),
            "learned_names": to_numbers(self.learned.names),
            "learned_groups": self.learned.groups.astype(np.float32),
            "doubted": to_numbers(sorted(self.doubted)),
        }

    @classmethod
    def restore(cls, arrays: Mapping[str, NDArray[Any]], normality: Normality) -> Self:
        """Return what `arrays` described; ParameterError where it does not fit the normality model."""
        everything, p = _restore_distances(arrays, normality), normality.grid.n_places
        codes = check_array(arrays, "codes", (None,)).astype(np.int8)
        if not np.isin(codes, [int(code) for code in Label]).all():
            raise ParameterError("the memory holds a code that is none of Label")
        n = len(codes)
        if len(everything) < n:
            raise ParameterError(f"the memory names {len(everything)} images; expected {n}")
        known, rest = (everything.take(rows) for rows in np.split(np.arange(len(everything)), [n]))
        coverage = check_array(arrays, "coverage", (n, p)).astype(np.float32)
        described = check_array(arrays, "described", (n, p, normality.n_components)).astype(np.int8)
        return cls(
            MeasuredImages(
                np.arange(n),
                codes,
                known.groups,
                np.where(coverage < 0, np.float32(np.nan), coverage),
                known.measured,
                described,
            ),
            known.names,
            check_array(arrays, "is_presumed", (n,)) > 0,
            rest,
            _restore_learned(arrays),
            frozenset(to_hashes(arrays["doubted"])) if "doubted" in arrays else frozenset(),
        )


def _restore_distances(
    arrays: Mapping[str, NDArray[Any]], normality: Normality
) -> RememberedDistances:
    """Return names, groups and distances of all images, those remembered whole first."""
    names = to_hashes(check_array(arrays, "names", (None, None)))
    n, p, q = len(names), normality.grid.n_places, normality.grid.n_patches
    measured = Measurements(
        check_array(arrays, "places", (n, p)),
        check_array(arrays, "patches", (n, q)).astype(np.float32),
        check_array(arrays, "image", (n,)),
    )
    return RememberedDistances(names, to_groups(check_array(arrays, "groups", (n,))), measured)


def _restore_learned(arrays: Mapping[str, NDArray[Any]]) -> LearnedImages:
    if "learned_names" not in arrays:  # older bundles do not know
        return LearnedImages()
    names = to_hashes(check_array(arrays, "learned_names", (None, None)))
    groups = check_array(arrays, "learned_groups", (len(names),))
    return LearnedImages(names, groups.astype(np.int64))


def _one_of_copies(names: Sequence[str], codes: NDArray[np.int8]) -> Indices:
    """Return the rows of images of which none has the name of another, ascending; of equals a labeled one."""
    order = np.argsort(codes == Label.UNLABELED, kind="stable")
    _, first = np.unique(np.array(names)[order], return_index=True)
    return np.sort(order[first])


def _rank_in_group(groups: Groups) -> Indices:
    """Return (n,) how many before it are of its group."""
    order = np.argsort(groups, kind="stable")
    _, first, sizes = np.unique(groups[order], return_index=True, return_counts=True)
    ranks = np.empty(len(groups), np.intp)
    ranks[order] = np.arange(len(groups)) - np.repeat(first, sizes)
    return ranks


def _places_in(known: Sequence[str], names: Sequence[str]) -> Indices:
    """Return the place of each name among the known ones; -1 where it is none of them."""
    places = {name: place for place, name in enumerate(known)}
    return np.array([places.get(name, -1) for name in names], np.intp)


def _rounded(known: MeasuredImages) -> MeasuredImages:
    """Return the images as bundles hold them, so that an update goes the same way before and after saving."""
    patches, coverage = (
        values.astype(np.float16).astype(np.float32)
        for values in (known.measured.patches, known.coverage)
    )
    return replace(known, measured=replace(known.measured, patches=patches), coverage=coverage)
