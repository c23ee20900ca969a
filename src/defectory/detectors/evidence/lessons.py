"""What there is to teach a classifier of cells: which images, which of their cells, and how sure that is."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from defectory.detectors.evidence.cells import Cells

Float = NDArray[np.float32]
Indices = NDArray[np.intp]

# So many surest images fill half of the share that many would have: one of them alone says little of defects.
_FEW_SUREST = 4


@dataclass(frozen=True)
class Lessons:
    """Described images with what is known of their cells.

    Attributes
    ----------
    cells : of n images
    is_surest : (n,) bool, defective images surer than others: confirmed, or at least not simulated
    normal : (n, p) bool, cells that teach what is normal
    defective : (n, p) bool, cells that teach what a defect is
    """

    cells: Cells
    is_surest: NDArray[np.bool_]
    normal: NDArray[np.bool_]
    defective: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.cells)

    def join(
        self, cells: Cells, normal: NDArray[np.bool_], defective: NDArray[np.bool_]
    ) -> "Lessons":
        """Return the lessons with more images, none of them among the surest."""
        return Lessons(
            self.cells.join(cells),
            np.concatenate([self.is_surest, np.zeros(len(cells), bool)]),
            np.concatenate([self.normal, normal]),
            np.concatenate([self.defective, defective]),
        )

    @property
    def is_defective(self) -> NDArray[np.bool_]:
        """(n,) bool: images with a defective cell."""
        return np.asarray(self.defective.any(axis=1))


class Draw:
    """Batches of cells, half of them defective; images are drawn first, all with the same chance.

    Where defective images have normal cells too, half of the normal ones are of these: they tell a defect
    from the image that it is in.

    Parameters
    ----------
    lessons : with at least one normal and one defective cell
    is_taught : (n,) bool, images that may be drawn; where no defective one is left, all of those may
    least_sure : [0, 1]
        least share of the defective half that is of the surest images, were there many of them; of n it is
        n / (n + 4) of that
    rng : of all draws
    """

    def __init__(
        self,
        lessons: Lessons,
        is_taught: NDArray[np.bool_],
        least_sure: float,
        rng: np.random.Generator,
    ) -> None:
        self._cells, self._rng = lessons.cells, rng
        self._normal, self._defective = _Choice(lessons.normal), _Choice(lessons.defective)
        is_defective, has_normal = lessons.is_defective, lessons.normal.any(axis=1)
        self._good = _any_of(has_normal & ~is_defective, is_taught)
        self._around = np.flatnonzero(has_normal & is_defective & is_taught)
        self._surest = np.flatnonzero(is_defective & lessons.is_surest & is_taught)
        self._anomalous = _any_of(is_defective, is_taught)
        n = len(self._surest)
        self._least_sure = least_sure * n / (n + _FEW_SUREST)

    def batch(self, n: int) -> tuple[Float, NDArray[np.bool_]]:
        """Return (n, d) float32 rows and which of them are defective."""
        n_defective = n // 2
        good = self._images(n - n_defective, self._good, self._around, 0.5)
        bad = self._images(n_defective, self._anomalous, self._surest, self._least_sure)
        images = np.concatenate([good, bad])
        places = np.concatenate(
            [self._normal.draw(good, self._rng), self._defective.draw(bad, self._rng)]
        )
        return self._cells.rows(images, places), np.arange(n) >= n - n_defective

    def _images(self, n: int, usual: Indices, special: Indices, share: float) -> Indices:
        """Return n images, a share of them special where there are any."""
        n_special = round(share * n) if len(special) else 0
        drawn = self._rng.choice(usual if len(usual) else special, n)
        if n_special:
            drawn[:n_special] = self._rng.choice(special, n_special)
        return drawn


class _Choice:
    """Draws one of the allowed cells of each image."""

    def __init__(self, allowed: NDArray[np.bool_]) -> None:
        # each image's allowed cells first, and how many they are
        self._places = np.argsort(~allowed, axis=1, kind="stable")
        self._n_allowed = allowed.sum(axis=1)

    def draw(self, images: Indices, rng: np.random.Generator) -> Indices:
        nth = (rng.random(len(images)) * self._n_allowed[images]).astype(np.intp)
        return np.asarray(self._places[images, nth])


def _any_of(wanted: NDArray[np.bool_], is_taught: NDArray[np.bool_]) -> Indices:
    """Return the wanted images that may be taught, or all wanted ones where there is none of those."""
    taught = np.flatnonzero(wanted & is_taught)
    return taught if len(taught) else np.flatnonzero(wanted)
