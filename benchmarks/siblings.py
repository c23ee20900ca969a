"""How much of a figure is "product seen before"? Pictures of one product, left out one by one and together.

Siblings are images whose whitened features point the same way, cell by cell: pictures of one tile under
several lamps, or neighboring solar cells. A random split puts them on both sides. Two questions:

- **Left out.** `gaussian` is fitted on all good images and scores each of them without itself, without
  itself and its siblings, and without as many others; defects were never in the fit. All in closed form.
- **In the folder.** Test defects of P1 `contaminated` and `budget`, by what the folder holds of their
  product: nothing; only good images, and defects that are labeled or suspected; or a defect that passed as
  good.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from benchmarks.datasets import of_label
from benchmarks.evaluation import say
from benchmarks.label_cases import VARIANTS, Case, Material, draw_case, read_material
from benchmarks.provenance import provenance
from benchmarks.result_files import Run
from defectory.backbones import Backbone, View
from defectory.backbones.feature_cache import FeatureCache
from defectory.backbones.weights import load_backbone
from defectory.detectors.auto import Auto
from defectory.detectors.gaussian_field import GaussianField
from defectory.detectors.gaussian_normality import GaussianNormality, Measurements, Samples
from defectory.detectors.grids import batched
from defectory.domain import Label
from defectory.metrics import auroc
from defectory.sources import Dataset

_SIDE_PX = 256
# Mean cosine from which on two images are of one product. That of others is 0 with a robust deviation of .007
# on P1 and .01 on P2; the nearest image of most tiles has .3 to .5.
_ALIKE = 0.1
# Of the images of one product; the nearest are taken.
_MOST_SIBLINGS = 15
_CASES = ("p1-contaminated-10", "p1-contaminated-20", "p1-budget-50-masks")

Floats = NDArray[np.float32]
Groups = list[NDArray[np.intp]]


def run(*, n_seeds: int, n_images: int | None, cache: Path, command: str) -> list[Run]:
    """Return the runs, JSON-ready: what is left out of P1 and of P2, then a folder and seed each of P1."""
    features = FeatureCache(cache)
    backbone = load_backbone(stages=GaussianNormality.stages, cache=features)
    materials = {data: read_material(data, 0, n_images) for data in ("p1", "p2")}
    facts = {
        data: {
            "protocol": "siblings",
            **provenance(data=found.fingerprint, weights=backbone.card.id, command=command),
        }
        for data, found in materials.items()
    }
    runs = []
    for data, material in materials.items():
        with threadpool_limits(limits=1, user_api="blas"):
            found = leave_out(backbone, *_all_images(material))
        runs.append({**facts[data], "part": "left-out", "data_set": data, "seed": 0, **found})
        say(f"{data}: {found}")
    for variant in (VARIANTS[name] for name in _CASES):
        for seed in range(n_seeds):
            case = draw_case(materials["p1"], variant, seed)
            found = by_siblings(backbone, case, Auto(seed=seed, cache=features))
            row = {"part": "folder", "variant": variant.name, "seed": seed}
            runs.append({**facts["p1"], **row, **found})
            say(f"{variant.name}, seed {seed}: {found}")
    return runs


def _all_images(material: Material) -> tuple[Dataset, Dataset]:
    """Return all good images and all defects, wherever the protocol puts them."""
    named = {
        s.name: s for part in (material.good, material.defects, material.test) for s in part.samples
    }
    every = Dataset(material.good.root, material.good.layout, tuple(named.values()))
    return of_label(every, Label.NORMAL), of_label(every, Label.ANOMALOUS)


def leave_out(backbone: Backbone, good: Dataset, defects: Dataset) -> dict[str, Any]:
    """Return image AUROC by what is left out with each good image."""
    normality, samples = _learn(backbone, good)
    new = normality.measure(_sample(backbone, normality, defects))
    groups = siblings(likeness(normality.cells_, samples.cells, samples.cells), drop_self=True)
    rng = np.random.default_rng(0)
    n = len(samples)
    others = [rng.permutation(np.delete(np.arange(n), i))[: len(g)] for i, g in enumerate(groups)]
    ways = {"alone": [g[:0] for g in groups], "with_others": others, "with_siblings": groups}
    measured = {name: _measure_without(normality, samples, way) for name, way in ways.items()}
    found: dict[str, Any] = {
        "n_good": n,
        "n_defects": len(defects),
        "with_a_sibling": float(np.mean([len(g) > 0 for g in groups])),
        "siblings": float(np.mean([len(g) for g in groups])),
    }
    labels = np.repeat([0, 1], [n, len(defects)])
    for name, values in measured.items():
        normality.standardize(values)  # after all measurements: it rounds the fields
        scores = np.concatenate([normality.image_scores(values), normality.image_scores(new)])
        found[name] = auroc(scores, labels)
    return found


def _measure_without(
    normality: GaussianNormality, samples: Samples, groups: Groups
) -> Measurements:
    """Return measurements of each image by the model without it and its group."""
    cells, image = [], []
    for i, group in enumerate(groups):
        rows = np.concatenate([[i], group]).astype(np.intp)
        together = samples.cells[:, None, rows, 0].astype(np.float32)
        cells.append(normality.cells_.leave_one_out(together)[:, :, :1])
        image.append(normality.image_.leave_one_out(samples.image[None, None, rows])[0, 0, 0])
    distances = np.concatenate(cells, axis=1)
    # image scores are not made of means and lines
    return Measurements(distances, distances, distances, np.array(image, np.float32))


def by_siblings(backbone: Backbone, case: Case, detector: Auto) -> dict[str, Any]:
    """Return how `auto` ranks test defects by what the folder holds of their product."""
    masks = case.train.masks()
    detector.fit(case.train.images(), case.train.labels, masks if any(masks.paths) else None)
    scores = detector.score(case.test.images()).image_scores
    hidden = case.truth & (case.train.labels == Label.UNLABELED)
    hidden[[suspect.index for suspect in detector.suspects_]] = False
    normality, known = _learn(backbone, case.train)
    with threadpool_limits(limits=1, user_api="blas"):
        new = _sample(backbone, normality, case.test)
        groups = siblings(likeness(normality.cells_, new.cells, known.cells))
    has_any = np.array([len(group) > 0 for group in groups])
    has_hidden = np.array([bool(hidden[group].any()) for group in groups])
    good = case.test.labels == Label.NORMAL
    kinds = {"none": ~has_any, "known": has_any & ~has_hidden, "hidden": has_hidden}
    found: dict[str, Any] = {"n_hidden": int(hidden.sum())}
    for name, kind in kinds.items():
        shown = good | kind
        n = int((kind & ~good).sum())
        found[name] = {
            "n": n,
            "auroc": auroc(scores[shown], case.test.labels[shown]) if n else None,
        }
    return found


def _learn(backbone: Backbone, images: Dataset) -> tuple[GaussianNormality, Samples]:
    """Return what is normal of all the images, whatever they are, and their features."""
    normality = GaussianNormality(_SIDE_PX)
    normality.learn(batched(backbone.extract(images.images(), View(_SIDE_PX))))
    return normality, _sample(backbone, normality, images)


def _sample(backbone: Backbone, normality: GaussianNormality, images: Dataset) -> Samples:
    """Return the features of all the images at once, rounded as the cache holds them."""
    read = batched(backbone.extract(images.images(), View(_SIDE_PX)))
    found = [normality.sample(batch) for batch in read]
    return Samples(
        np.concatenate([part.cells.astype(np.float16) for part in found], axis=1),
        np.concatenate([part.lines.astype(np.float16) for part in found], axis=1),
        np.concatenate([part.image for part in found]),
    )


def likeness(field: GaussianField, one: Floats, other: Floats) -> Floats:
    """Return (n, m) mean cosines over cells of the whitened (p, n, 1, d) and (p, m, 1, d) features."""
    total = np.zeros((one.shape[1], other.shape[1]), np.float32)
    for cell, (mean, whitening) in enumerate(zip(field.means, field.whitening, strict=True)):
        units = []
        for samples in (one, other):
            white = (samples[cell, :, 0] - mean) @ whitening.T
            units.append(white / np.maximum(np.linalg.norm(white, axis=1, keepdims=True), 1e-6))
        total += units[0] @ units[1].T
    return total / np.float32(len(field.means))


def siblings(alike: Floats, drop_self: bool = False) -> Groups:
    """Return, for each row, the columns that are its siblings, the nearest first."""
    if drop_self:
        alike = alike.copy()
        np.fill_diagonal(alike, -1)
    found = []
    for row in alike:
        near = np.argsort(-row, kind="stable")[:_MOST_SIBLINGS]
        found.append(near[row[near] > _ALIKE])
    return found


def sibling_groups(images: Dataset, cache: FeatureCache) -> NDArray[np.intp]:
    """Return (n,) numbers of groups: images that are siblings, or siblings of siblings, share one."""
    from scipy.sparse import coo_array  # type: ignore[import-untyped]
    from scipy.sparse.csgraph import connected_components  # type: ignore[import-untyped]

    backbone = load_backbone(stages=GaussianNormality.stages, cache=cache)
    with threadpool_limits(limits=1, user_api="blas"):
        normality, samples = _learn(backbone, images)
        found = siblings(likeness(normality.cells_, samples.cells, samples.cells), drop_self=True)
    rows = np.repeat(np.arange(len(images)), [len(near) for near in found])
    links = coo_array((np.ones(len(rows)), (rows, np.concatenate(found))), shape=(len(images),) * 2)
    _, groups = connected_components(links, directed=False)
    return np.asarray(groups, np.intp)
