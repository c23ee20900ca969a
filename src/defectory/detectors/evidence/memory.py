"""What a bundle remembers of the images it came from, so that new labels can be taken without them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from defectory.detectors.arrays import check_array, to_groups, to_hashes, to_numbers
from defectory.detectors.base import Arrays
from defectory.detectors.evidence.measured_images import MeasuredImages
from defectory.detectors.evidence.measurements import Measurements
from defectory.detectors.evidence.normality import Normality
from defectory.domain import Label, ParameterError, own_groups

Bools = NDArray[np.bool_]
Indices = NDArray[np.intp]

# Images remembered at most, of each role. A threshold that promises 1 % at 95 % confidence needs 299 normals.
_N_NORMAL, _N_ANOMALOUS = 400, 200


@dataclass(frozen=True)
class RememberedImages:
    """Some of the studied images, and whether they are presumed normal.

    Attributes
    ----------
    known : n images; indices are theirs in the memory
    names : first hex digits of the fingerprints of their content
    is_presumed : (n,) bool, images that teach what is normal, and calibrate
    """

    known: MeasuredImages
    names: tuple[str, ...]
    is_presumed: Bools

    def __len__(self) -> int:
        return len(self.names)

    @classmethod
    def of(
        cls, known: MeasuredImages, names: Sequence[str], is_presumed: Bools,
        rng: np.random.Generator,
    ) -> Self:  # fmt: skip
        """Return the memory of a fit: at random where there are more images than are remembered.

        Unlabeled images that are not presumed normal are among them: they may get a label later, and
        thresholds that are estimated go by all.
        """
        is_anomalous = known.codes == Label.ANOMALOUS
        chosen: set[int] = set()
        for members, limit in ((is_anomalous, _N_ANOMALOUS), (~is_anomalous, _N_NORMAL)):
            chosen.update(rng.permutation(np.flatnonzero(members))[:limit].tolist())
        rows = np.array(sorted(chosen), np.intp)
        return cls(
            replace(_rounded(known.take(rows)), indices=np.arange(len(rows))),
            tuple(names[row] for row in rows),
            is_presumed[rows],
        )

    @property
    def confirmed(self) -> Indices:
        """Places of the images with a confirmed label."""
        return np.flatnonzero(self.known.codes != Label.UNLABELED)

    def with_labels(self, new: MeasuredImages, names: Sequence[str]) -> "RememberedImages":
        """Return the memory with newly labeled images; what it knew of them gives way, but for distances.

        Distances of an image that was learned from are by the model without it, and stay.
        """
        places_of = {name: place for place, name in enumerate(self.names)}
        places = np.array([places_of.get(name, -1) for name in names], np.intp)
        seen = places >= 0
        codes, coverage = self.known.codes.copy(), self.known.coverage.copy()
        codes[places[seen]] = new.codes[seen]
        coverage[places[seen]] = _rounded(new).coverage[seen]
        fresh = np.flatnonzero(~seen)
        added = _rounded(new.take(fresh))
        # groups of one list of labels; what the fit called them is not known any more
        above = int(self.known.groups.max(initial=-1)) + 1
        added = replace(added, groups=above + new.groups[fresh])
        joined = replace(self.known, codes=codes, coverage=coverage).join(added)
        presumed = np.concatenate([self.is_presumed, np.zeros(len(added), bool)])
        is_normal = joined.codes == Label.NORMAL
        return RememberedImages(
            replace(joined, indices=np.arange(len(joined))),
            (*self.names, *(name for name, old in zip(names, seen, strict=True) if not old)),
            (presumed | is_normal) & (joined.codes != Label.ANOMALOUS),
        )

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
        known = self.known
        coverage = np.where(np.isfinite(known.coverage), known.coverage, -1)
        return {
            "described": known.described,
            "coverage": coverage.astype(np.float16),
            **{name: getattr(known.measured, name) for name in ("places", "image")},
            "patches": known.measured.patches.astype(np.float16),
            "codes": known.codes.astype(np.float32),
            "groups": own_groups(len(known), known.groups).astype(np.float32),
            "is_presumed": self.is_presumed.astype(np.float32),
            "names": to_numbers(self.names),
        }

    @classmethod
    def restore(cls, arrays: Mapping[str, NDArray[Any]], normality: Normality) -> Self:
        """Return what `arrays` described; ParameterError where it does not fit the normality model."""
        codes = check_array(arrays, "codes", (None,)).astype(np.int8)
        n, p = len(codes), normality.grid.n_places
        q = normality.grid.n_patches
        if not np.isin(codes, [int(code) for code in Label]).all():
            raise ParameterError("the memory holds a code that is none of Label")
        names = check_array(arrays, "names", (n, None))
        coverage = check_array(arrays, "coverage", (n, p)).astype(np.float32)
        known = MeasuredImages(
            np.arange(n),
            codes,
            to_groups(check_array(arrays, "groups", (n,))),
            np.where(coverage < 0, np.float32(np.nan), coverage),
            Measurements(
                check_array(arrays, "places", (n, p)),
                check_array(arrays, "patches", (n, q)).astype(np.float32),
                check_array(arrays, "image", (n,)),
            ),
            check_array(arrays, "described", (n, p, normality.n_looks)).astype(np.int8),
        )
        presumed = check_array(arrays, "is_presumed", (n,)) > 0
        return cls(known, to_hashes(names), presumed)


def _rounded(known: MeasuredImages) -> MeasuredImages:
    """Return the images as bundles hold them, so that an update goes the same way before and after saving."""
    patches, coverage = (
        values.astype(np.float16).astype(np.float32)
        for values in (known.measured.patches, known.coverage)
    )
    return replace(known, measured=replace(known.measured, patches=patches), coverage=coverage)
