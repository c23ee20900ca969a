"""What a bundle remembers of the images it came from, so that new labels can be taken without them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from defectory.detectors.arrays import check_array
from defectory.detectors.base import Arrays
from defectory.detectors.evidence.study import Study
from defectory.detectors.measurements import Measurements
from defectory.domain import Label, ParameterError

Bools = NDArray[np.bool_]
Indices = NDArray[np.intp]

NAME_DIGITS = 12
"""Hex digits of the fingerprint that an image is known by."""

# Images remembered at most, of each role. A threshold that promises 1 % at 95 % confidence needs 299 normals.
_N_NORMAL, _N_ANOMALOUS, _N_SUSPECT = 700, 200, 50
_CHUNK_DIGITS = 3
_MEASURED = ("cells", "means", "lines")
_SIMULATED = "simulated."


@dataclass(frozen=True)
class Memory:
    """Some of the studied images, and their roles.

    Attributes
    ----------
    study : n images; indices are theirs in the memory
    names : first hex digits of the fingerprints of their content
    is_suspect : (n,) bool, unlabeled ones that teach what a defect is
    teaches_normal : (n,) bool, images whose cells teach what is normal
    is_presumed : (n,) bool, images that calibrate as normal ones
    simulated : defects that teach beside them, or None
    """

    study: Study
    names: tuple[str, ...]
    is_suspect: Bools
    teaches_normal: Bools
    is_presumed: Bools
    simulated: Study | None = None

    def __len__(self) -> int:
        return len(self.names)

    @classmethod
    def of(
        cls, study: Study, names: Sequence[str], is_suspect: Bools, teaches_normal: Bools,
        is_presumed: Bools, simulated: Study | None, rng: np.random.Generator,
    ) -> Self:  # fmt: skip
        """Return the memory of a fit: at random where there are more images than are remembered."""
        anomalous = study.codes == Label.ANOMALOUS
        groups = ((anomalous, _N_ANOMALOUS), (is_suspect, _N_SUSPECT), (is_presumed, _N_NORMAL))
        chosen: set[int] = set()
        for members, limit in groups:
            chosen.update(rng.permutation(np.flatnonzero(members))[:limit].tolist())
        rows = np.array(sorted(chosen), np.intp)
        return cls(
            replace(study.take(rows), indices=np.arange(len(rows))),
            tuple(names[row] for row in rows),
            is_suspect[rows],
            teaches_normal[rows],
            is_presumed[rows],
            None if simulated is None else replace(simulated, indices=np.full(len(simulated), -1)),
        )

    @property
    def confirmed(self) -> Indices:
        """Places of the images with a confirmed label."""
        return np.flatnonzero(self.study.codes != Label.UNLABELED)

    def with_labels(self, new: Study, names: Sequence[str]) -> "Memory":
        """Return the memory with newly labeled images; what it knew of them gives way, but for distances.

        Distances of an image that was learned from are by the model without it, and stay.
        """
        known = {name: place for place, name in enumerate(self.names)}
        places = np.array([known.get(name, -1) for name in names], np.intp)
        seen = places >= 0
        study, new_study = self.study, new
        codes, coverage = study.codes.copy(), study.coverage.copy()
        codes[places[seen]], coverage[places[seen]] = new.codes[seen], new.coverage[seen]
        added = new_study.take(np.flatnonzero(~seen))
        joined = replace(study, codes=codes, coverage=coverage).join(added)
        normal = joined.codes == Label.NORMAL
        anomalous = joined.codes == Label.ANOMALOUS
        n = len(added)

        def widened(role: Bools) -> Bools:
            return np.concatenate([role, np.zeros(n, bool)])

        return Memory(
            replace(joined, indices=np.arange(len(joined))),
            (*self.names, *(name for name, old in zip(names, seen, strict=True) if not old)),
            widened(self.is_suspect) & ~normal & ~anomalous,
            (widened(self.teaches_normal) | normal) & ~anomalous,
            (widened(self.is_presumed) | normal) & ~anomalous,
            self.simulated,
        )

    def explain(self) -> str:
        """Return what there is to learn from, in a line."""
        codes = self.study.codes
        n = {code: int((codes == code).sum()) for code in Label}
        return (
            f"remembered: {n[Label.NORMAL]} images labeled normal, {n[Label.ANOMALOUS]} labeled "
            f"defective ({int(self.study.has_mask.sum())} with a mask), {n[Label.UNLABELED]} unlabeled"
        )

    def arrays(self) -> Arrays:
        """Return all of it as float arrays."""
        roles = np.stack([self.is_suspect, self.teaches_normal, self.is_presumed])
        drawn = {} if self.simulated is None else _study_arrays(self.simulated)
        return {
            **_study_arrays(self.study),
            "codes": self.study.codes.astype(np.float32),
            "roles": roles.astype(np.float32),
            "names": np.array([_to_numbers(name) for name in self.names], np.float32),
            **{_SIMULATED + key: value for key, value in drawn.items()},
        }

    @classmethod
    def restore(cls, arrays: Mapping[str, NDArray[Any]], p: int, width: int) -> Self:
        """Return what `arrays` described; ParameterError where it does not fit p cells of this width."""
        codes = check_array(arrays, "codes", (None,)).astype(np.int8)
        n = len(codes)
        if not np.isin(codes, [int(code) for code in Label]).all():
            raise ParameterError("the memory holds a code that is none of Label")
        roles = check_array(arrays, "roles", (3, n)) > 0
        names = check_array(arrays, "names", (n, NAME_DIGITS // _CHUNK_DIGITS))
        drawn = {
            k.removeprefix(_SIMULATED): v for k, v in arrays.items() if k.startswith(_SIMULATED)
        }
        anomalous = np.full(
            len(drawn["image"]) if "image" in drawn else 0, Label.ANOMALOUS, np.int8
        )
        return cls(
            _restore_study(arrays, codes, p, width),
            tuple(_to_name(row) for row in names),
            roles[0],
            roles[1],
            roles[2],
            _restore_study(drawn, anomalous, p, width) if drawn else None,
        )


def _study_arrays(study: Study) -> Arrays:
    return {
        "described": study.described,
        "coverage": np.where(np.isfinite(study.coverage), study.coverage, -1).astype(np.float32),
        "image": study.measured.image,
        **{name: getattr(study.measured, name)[:, :, 0] for name in _MEASURED},
    }


def _restore_study(
    arrays: Mapping[str, NDArray[Any]], codes: NDArray[np.int8], p: int, width: int
) -> Study:
    n = len(codes)
    coverage = check_array(arrays, "coverage", (n, p))
    distances = {name: check_array(arrays, name, (p, n))[:, :, None] for name in _MEASURED}
    return Study(
        np.arange(n),
        codes,
        np.where(coverage < 0, np.float32(np.nan), coverage),
        Measurements(**distances, image=check_array(arrays, "image", (n,))),
        check_array(arrays, "described", (n, p, width)).astype(np.int8),
    )


def _to_numbers(name: str) -> list[int]:
    """Return a name as numbers small enough to be exact in float32."""
    return [int(name[i : i + _CHUNK_DIGITS], 16) for i in range(0, NAME_DIGITS, _CHUNK_DIGITS)]


def _to_name(numbers: NDArray[np.floating]) -> str:
    limit = 16**_CHUNK_DIGITS
    if not ((numbers >= 0) & (numbers < limit) & (numbers == np.floor(numbers))).all():
        raise ParameterError("the memory holds a damaged name")
    return "".join(f"{int(number):0{_CHUNK_DIGITS}x}" for number in numbers)
