"""What the first pass of a fit leaves of images: small, whatever their number, and it adds up.

Parts of a collection are passed over by different processes, on different days or at different plants; what
they leave is merged, and the fit goes on as if one process had passed over all.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from defectory.detectors.arrays import check_array
from defectory.detectors.moments import Moments
from defectory.domain import ParameterError
from defectory.memory import Coreset, merge_coresets

_BASIS, _MOMENTS, _CORESET, _MEASURED = "basis.", "moments.", "coreset.", "measured."


@dataclass(frozen=True)
class FitStatistics:
    """What a pass over images leaves of them.

    Attributes
    ----------
    n_images : that were passed over
    moments : of Gaussians, by name
    coreset : of patches, each with the number of its group; None where a detector remembers none
    basis : arrays in whose terms moments and patches are; what is merged has the same
    measured : of some of the images, one row each: what a threshold can be fitted on where no image may be
        read again; empty for none
    """

    n_images: int
    moments: Mapping[str, Moments]
    coreset: Coreset | None
    basis: Mapping[str, NDArray[Any]]
    measured: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return all as named arrays: moments of float64, groups of int64, the others of float32."""
        named = {f"{_BASIS}{key}": value for key, value in self.basis.items()}
        named |= {f"{_MEASURED}{key}": value for key, value in self.measured.items()}
        named["n_images"] = np.array([self.n_images], np.int64)
        for name, moments in self.moments.items():
            named |= {f"{_MOMENTS}{name}.{key}": value for key, value in moments.arrays().items()}
        if self.coreset is not None:
            named |= {
                f"{_CORESET}points": self.coreset.points,
                f"{_CORESET}groups": self.coreset.indices.astype(np.int64),
                f"{_CORESET}radius": np.array([self.coreset.radius], np.float32),
            }
        return named

    def renumber(self, numbers: Mapping[int, int]) -> "FitStatistics":
        """Return them with other numbers of groups; those that are not named stay."""
        if self.coreset is None:
            return self
        tags = [numbers.get(tag, tag) for tag in self.coreset.indices.tolist()]
        return replace(self, coreset=replace(self.coreset, indices=np.array(tags, np.intp)))

    def without_groups(self) -> "FitStatistics":
        """Return them with no group known, for a merge with statistics of another numbering."""
        if self.coreset is None:
            return self
        unknown = np.full(len(self.coreset.indices), -1, np.intp)
        return replace(self, coreset=replace(self.coreset, indices=unknown))

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Return what `arrays` gave; ParameterError where something is missing or does not fit."""
        prefixes = {key.rpartition(".")[0] for key in arrays if key.startswith(_MOMENTS)}
        coreset = None
        if f"{_CORESET}points" in arrays:
            points = check_array(arrays, f"{_CORESET}points", (None, None))
            groups = check_array(arrays, f"{_CORESET}groups", (len(points),))
            radius = float(check_array(arrays, f"{_CORESET}radius", (1,))[0])
            coreset = Coreset(points, groups.astype(np.intp), radius)
        return cls(
            int(check_array(arrays, "n_images", (1,))[0]),
            {p.removeprefix(_MOMENTS): Moments.from_arrays(arrays, p) for p in sorted(prefixes)},
            coreset,
            _under(arrays, _BASIS),
            _under(arrays, _MEASURED),
        )


def merge_statistics(
    parts: Iterable[FitStatistics], n_patches: int, *, seed: int = 0
) -> FitStatistics:
    """Return what one pass over the images of all parts would have left.

    Parameters
    ----------
    parts : one or more; two at a time are in memory where they come one by one
    n_patches : that are kept where parts hold patches
    seed : of the first choice among them

    Raises
    ------
    ParameterError : there is no part, they are in terms of another basis, or not of one detector.

    Notes
    -----
    Moments are exact to rounding. Patches are a k-center of k-centers, see `merge_coresets`. What was
    measured of single images is not merged: it was by models of the parts.
    """
    merged: FitStatistics | None = None
    coresets: list[Coreset] = []
    for part in parts:
        if part.coreset is not None:
            coresets.append(part.coreset)
        merged = replace(part, measured={}) if merged is None else _added(merged, part)
    if merged is None:
        raise ParameterError("there are no statistics to merge")
    if not coresets:
        return merged
    return replace(merged, coreset=merge_coresets(coresets, n_patches, seed=seed))


def _added(merged: FitStatistics, part: FitStatistics) -> FitStatistics:
    _check_alike(merged, part)
    return replace(
        merged,
        n_images=merged.n_images + part.n_images,
        moments={name: own.merge(part.moments[name]) for name, own in merged.moments.items()},
    )


def _under(arrays: Mapping[str, NDArray[Any]], prefix: str) -> dict[str, NDArray[Any]]:
    return {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}


def _check_alike(one: FitStatistics, other: FitStatistics) -> None:
    same_shapes = one.moments.keys() == other.moments.keys() and all(
        moments.means.shape == other.moments[name].means.shape
        for name, moments in one.moments.items()
    )
    if not same_shapes or (one.coreset is None) != (other.coreset is None):
        raise ParameterError("these statistics are of different detectors, or of other settings")
    same_basis = one.basis.keys() == other.basis.keys() and all(
        np.array_equal(value, other.basis[name]) for name, value in one.basis.items()
    )
    if not same_basis:
        raise ParameterError(
            "these statistics do not add up: they are in other terms (camera noise, image size, directions)"
        )
