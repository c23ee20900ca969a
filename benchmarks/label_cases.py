"""What each variant of P1 and P2 tells a detector: images to fit on, labels, masks; and what is tested.

One seed permutes good images and defects, and every variant takes the first ones: the defects of
`contaminated-5` are among those of `contaminated-10`, and a larger budget holds the labels of a smaller
one. So variants of one seed differ by what they are about and by nothing else. Images to fit on come
in random order.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from benchmarks.datasets import (
    Split,
    block_split,
    magnetic_tile,
    of_label,
    random_split,
    solar_cells,
)
from benchmarks.p1 import thin
from defectory.domain import Label
from defectory.sources import Dataset, Sample
from defectory.sources.mask_files import read_mask

SEEN_TYPES = ("blowhole", "break")
"""Defect types that `new-types` labels."""

_N_NEW_TYPES = 20
_RATIOS, _BUDGETS = (5, 10, 20), (1, 5, 10, 20, 50)
_BUDGET_RATIO = 10


@dataclass(frozen=True)
class Variant:
    """One variant of a protocol.

    Attributes
    ----------
    data : "p1", "p2" or "p2-blocks"
    kind : "clean", "contaminated", "budget" or "new-types"
    number : of "contaminated" the percentage, of "budget" the labels
    masks : "masks" or "no-masks" where both are told of; `new-types` has masks, P2 has none
    """

    data: str
    kind: str
    number: int = 0
    masks: str = ""

    @property
    def name(self) -> str:
        """Return what files and tables call it."""
        parts = (self.data, self.kind, str(self.number or ""), self.masks)
        return "-".join(part for part in parts if part)


@dataclass(frozen=True)
class Material:
    """What variants are drawn from.

    Attributes
    ----------
    good : good images to fit on
    defects : defects that may be drawn for the fit; some or all of them are in `test`
    test : good images and defects
    fingerprint : of the data set
    """

    good: Dataset
    defects: Dataset
    test: Dataset
    fingerprint: str


@dataclass(frozen=True)
class Case:
    """One draw of a variant.

    Attributes
    ----------
    train : images to fit on; labels and masks are what a person has said of them, not the truth
    truth : (n,) bool, which of them are defective; for counting only
    test : images to score, none of them in `train`, with their true labels
    """

    train: Dataset
    truth: NDArray[np.bool_]
    test: Dataset


def _families() -> dict[str, tuple[Variant, ...]]:
    p1, p2, blocks = "p1", "p2", "p2-blocks"
    masked = ("masks", "no-masks")
    return {
        "p1-contaminated": (Variant(p1, "clean"), *_numbered(p1, "contaminated", _RATIOS)),
        # the curve starts where there are no labels
        "p1-budget": (
            Variant(p1, "contaminated", _BUDGET_RATIO),
            *(replace(v, masks=m) for m in masked for v in _numbered(p1, "budget", _BUDGETS)),
        ),
        "p1-new-types": (Variant(p1, "clean"), Variant(p1, "new-types")),
        "p2-budget": (Variant(p2, "clean"), *_numbered(p2, "budget", _BUDGETS)),
        "p2-contaminated": (Variant(p2, "clean"), *_numbered(p2, "contaminated", _RATIOS)),
        "p2-blocks-budget": (Variant(blocks, "clean"), *_numbered(blocks, "budget", _BUDGETS)),
    }


def _numbered(data: str, kind: str, numbers: Iterable[int]) -> list[Variant]:
    return [Variant(data, kind, number) for number in numbers]


FAMILIES = _families()
"""What the command line calls protocols, each with its variants; some share one."""

VARIANTS = {variant.name: variant for family in FAMILIES.values() for variant in family}


def named(names: Sequence[str]) -> list[Variant]:
    """Return the variants of protocols, or single ones by name, each once; KeyError for others."""
    found = [v for name in names for v in FAMILIES.get(name) or (VARIANTS[name],)]
    return list(dict.fromkeys(found))


def largest_budget(data: str) -> Variant:
    """Return the variant whose test images all variants of a curve have in common."""
    budgets = [v for v in VARIANTS.values() if v.data == data and v.kind == "budget"]
    return max(budgets, key=lambda variant: variant.number)


def read_material(data: str, seed: int, n_images: int | None) -> Material:
    """Return what variants of a data set are drawn from; only the blocks of P2 follow the seed."""
    material = _tiles() if data == "p1" else _cells(seed if data == "p2-blocks" else None)
    return replace(
        material,
        good=thin(material.good, n_images),
        defects=thin(material.defects, n_images),
        test=thin(material.test, n_images),
    )


def draw_case(material: Material, variant: Variant, seed: int) -> Case:
    """Return one draw; the same seed gives the same."""
    rng = np.random.default_rng(seed)
    good, defects = shuffled(material.good, rng), shuffled(material.defects, rng)
    told = _told(variant, good, defects)
    order = rng.permutation(len(told))
    train = tuple(told[i] for i in order)
    is_drawn = {sample.name for sample in train}
    bad = {sample.name for sample in defects}
    return Case(
        replace(material.good, samples=train),
        np.array([sample.name in bad for sample in train]),
        material.test.filter(lambda sample: sample.name not in is_drawn),
    )


def _told(variant: Variant, good: list[Sample], defects: list[Sample]) -> list[Sample]:
    """Return the images to fit on, with what is said of them."""
    n, with_masks = variant.number, variant.masks == "masks"
    if variant.kind == "clean":
        return told_labeled(good)
    if variant.kind == "new-types":
        seen = [sample for sample in defects if sample.defect_type in SEEN_TYPES]
        return told_labeled(good) + told_labeled(seen[:_N_NEW_TYPES], with_masks=True)
    if variant.kind == "contaminated":
        return told_nothing(good + defects[: _n_mixed_in(len(good), n)])
    if variant.data != "p1":
        return told_labeled(good) + told_labeled(defects[:n], with_masks)
    mixed = defects[: _n_mixed_in(len(good), _BUDGET_RATIO)]
    n_defects = max(1, n // 2)
    n_good = n - n_defects
    labeled = told_labeled(good[:n_good]) + told_labeled(mixed[:n_defects], with_masks)
    return labeled + told_nothing(good[n_good:] + mixed[n_defects:])


def _n_mixed_in(n_good: int, percent: int) -> int:
    """Return how many defects make so many percent of the whole."""
    return round(n_good * percent / (100 - percent))


def told_labeled(samples: Sequence[Sample], with_masks: bool = False) -> list[Sample]:
    """Return the images with their labels, and with masks that mark something where asked for."""
    return [
        replace(s, mask_path=s.mask_path if with_masks and _marks(s) else None) for s in samples
    ]


def told_nothing(samples: Sequence[Sample]) -> list[Sample]:
    """Return the images without label or mask."""
    return [replace(sample, label=Label.UNLABELED, mask_path=None) for sample in samples]


def _marks(sample: Sample) -> bool:
    """Return whether the mask shows a defect: nobody gives an empty one with a defect."""
    return sample.mask_path is not None and bool(read_mask(sample.mask_path).any())


def shuffled(data: Dataset, rng: np.random.Generator) -> list[Sample]:
    """Return the images in random order."""
    return [data.samples[i] for i in rng.permutation(len(data))]


@cache
def _tiles() -> Material:
    data = magnetic_tile()
    test = data.subset("test")
    good = of_label(data.subset("train"), Label.NORMAL)
    return Material(good, of_label(test, Label.ANOMALOUS), test, data.fingerprint())


@cache
def _cells(seed: int | None) -> Material:
    """Return P2 by the random split, or for a seed by blocks.

    By blocks, anomalies for the fit come from the blocks that are fitted on, and the test stays whole.
    """
    cells = solar_cells()
    split = random_split(cells) if seed is None else block_split(cells, seed)
    samples = [
        Sample(path, Label.ANOMALOUS if p == 1 else Label.NORMAL, None, "", None, None, path.name)
        for path, p in zip(cells.paths, cells.probabilities, strict=True)
    ]
    drawable = cells.anomalous if seed is None else _untested(cells.anomalous, split)

    def chosen(indices: NDArray[np.intp]) -> Dataset:
        return Dataset(cells.paths[0].parent, "file", tuple(samples[i] for i in indices))

    return Material(chosen(split.train), chosen(drawable), chosen(split.test), cells.fingerprint())


def _untested(indices: NDArray[np.intp], split: Split) -> NDArray[np.intp]:
    return indices[~np.isin(indices, split.test)]
