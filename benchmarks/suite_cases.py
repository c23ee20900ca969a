"""What the suite (P0) fits on and tests: five data sets, each in the variants that people have.

One seed permutes good images and defects, and every variant takes the first ones, so that the defects of
`contaminated-10` are among those of `contaminated-20`. Whatever is drawn for the fit leaves the test.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.datasets import blocks, of_label, shared_data, solar_cells
from benchmarks.label_cases import (
    Case,
    Material,
    read_material,
    shuffled,
    told_labeled,
    told_nothing,
)
from benchmarks.p1 import thin
from benchmarks.result_files import MissingDataError
from benchmarks.siblings import sibling_groups
from defectory.backbones.feature_cache import FeatureCache
from defectory.domain import Label, own_groups
from defectory.sources import Dataset, Sample, read_dataset

VARIANTS = ("clean", "contaminated-10", "contaminated-20", "few-20", "budget-10", "unseen")
GROUPED = ("tiles", "solar", "ball-screw")
"""Sets whose products stand on both sides of their split; the others have no variant `unseen`."""

_N_FEW, _N_LABELS = 20, 10
# A test of fewer defects tells nothing: smaller sets are contaminated by less.
_LEAST_TESTED = 20
_HELD_OUT_SHARE = 0.25
_GROUP_STREAM = 11

Groups = Sequence[object]


def variants_of(name: str) -> tuple[str, ...]:
    """Return the variants of a data set."""
    return VARIANTS if name in GROUPED else VARIANTS[:-1]


def is_drawn(variant: str) -> bool:
    """Return whether a variant differs from seed to seed."""
    return variant != "clean"


def material_of(name: str, n_images: int | None = None) -> Material:
    """Return the images of a data set; at most so many of a kind in a smoke run."""
    found = _SETS[name]()
    if n_images is None:
        return found
    parts = (thin(part, n_images) for part in (found.good, found.defects, found.test))
    return Material(*parts, found.fingerprint)


def draw(name: str, variant: str, seed: int, cache_folder: Path, n_images: int | None) -> Case:
    """Return one draw of a variant; the same seed gives the same.

    Parameters
    ----------
    cache_folder : of features; pictures of one tile are found by these
    """
    if variant == "unseen":
        return _unseen(name, seed, cache_folder, n_images)
    material = material_of(name, n_images)
    rng = np.random.default_rng(seed)
    good, defects = shuffled(material.good, rng), shuffled(material.defects, rng)
    kind, _, number = variant.partition("-")
    if kind == "clean":
        told = told_labeled(material.good.samples)
    elif kind == "few":
        told = told_labeled(good[:_N_FEW])
    elif kind == "budget":
        told = told_labeled(good) + told_labeled(defects[:_N_LABELS], with_masks=True)
    else:
        told = told_nothing(good + defects[: _n_hidden(len(good), len(defects), int(number))])
    if kind != "clean":
        told = [told[i] for i in rng.permutation(len(told))]
    return _case(material.good, told, {s.name for s in defects}, material.test.samples)


def good_groups(
    name: str, cache_folder: Path, n_images: int | None
) -> tuple[Dataset, NDArray[np.int64]]:
    """Return all good images of a data set, wherever its protocol puts them, and what new ones differ by.

    Tiles, blocks of solar cells, places on ball screws, scenes of lenses; each fabric strip is by itself.
    """
    good = of_label(_every(material_of(name, n_images)), Label.NORMAL)
    n = len(good)
    if name == "solar":
        cells = solar_cells()
        place = {path.name: i for i, path in enumerate(cells.paths)}
        block = blocks(len(cells.paths))
        return good, np.array([block[place[sample.path.name]] for sample in good.samples], np.int64)
    if name == "tiles":
        return good, np.asarray(sibling_groups(good, FeatureCache(cache_folder)), np.int64)
    return good, own_groups(n, good.groups)


def _case(like: Dataset, told: Sequence[Sample], bad: set[str], tested: Sequence[Sample]) -> Case:
    learned = {sample.name for sample in told}
    return Case(
        replace(like, samples=tuple(told)),
        np.array([sample.name in bad for sample in told]),
        replace(like, samples=tuple(s for s in tested if s.name not in learned)),
    )


def _n_hidden(n_good: int, n_defects: int, percent: int) -> int:
    """Return how many defects make so many percent of the whole, as far as the test can spare them."""
    return min(round(n_good * percent / (100 - percent)), max(0, n_defects - _LEAST_TESTED))


def _unseen(name: str, seed: int, cache_folder: Path, n_images: int | None) -> Case:
    """Return a case whose test shows no product (tile, neighborhood, place) that the fit has seen."""
    if name == "solar":
        found = read_material("p2-blocks", seed, n_images)
        told = told_labeled(found.good.samples)
        return _case(found.good, told, set(), found.test.samples)
    material = material_of(name, n_images)
    every = _every(material)
    groups = _groups(name, every, cache_folder)
    names = sorted({str(group) for group in groups})
    order = np.random.default_rng([seed, _GROUP_STREAM]).permutation(len(names))
    held_out = {names[i] for i in order[: max(1, round(_HELD_OUT_SHARE * len(names)))]}
    is_test = np.array([str(group) in held_out for group in groups])
    told = [s for s, out in zip(every.samples, is_test, strict=True) if not out]
    tested = [s for s, out in zip(every.samples, is_test, strict=True) if out]
    return _case(every, told_labeled([s for s in told if s.label == Label.NORMAL]), set(), tested)


def _every(material: Material) -> Dataset:
    named = {
        s.name: s for part in (material.good, material.defects, material.test) for s in part.samples
    }
    return replace(material.good, samples=tuple(named.values()))


def _groups(name: str, every: Dataset, cache_folder: Path) -> Groups:
    if name == "tiles":
        return list(sibling_groups(every, FeatureCache(cache_folder)))
    return [sample.group for sample in every.samples]


@cache
def _manifest(name: str) -> Material:
    path = shared_data() / name / "manifest.csv"
    if not path.is_file():
        raise MissingDataError(
            f"{name} is not in ../shared/data; set DEFECTORY_SHARED_DATA to its parent folder"
        )
    data = read_dataset(path)
    test = data.subset("test")
    good = of_label(data.subset("train"), Label.NORMAL)
    return Material(good, of_label(test, Label.ANOMALOUS), test, data.fingerprint())


_SETS: dict[str, Callable[[], Material]] = {
    "tiles": partial(read_material, "p1", 0, None),
    "solar": partial(read_material, "p2", 0, None),
    **{name: partial(_manifest, name) for name in ("ball-screw", "fabric", "lens")},
}

SETS = tuple(_SETS)

Bools = NDArray[np.bool_]
