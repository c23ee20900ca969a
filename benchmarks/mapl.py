"""MAPL against MemSeg, and MAPL with one part changed at a time: P1, clean, noisy and contaminated, and P2.

Each run is written as soon as it is done, and a run that is already in the file is not repeated: the whole
takes hours on two cores, and may be stopped and started again.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import added_runs
from benchmarks.added_runs import add_each
from benchmarks.datasets import magnetic_tile, of_label
from benchmarks.evaluation import Figures, image_figures, say
from benchmarks.label_cases import VARIANTS, draw_case, read_material
from benchmarks.noise import NoisyImages
from benchmarks.p1 import pixel_figures, thin
from benchmarks.provenance import provenance
from benchmarks.result_files import Run, ToldError, read_sized
from defectory.backbones.feature_cache import FeatureCache
from defectory.detectors import find_detector
from defectory.detectors.base import Detector
from defectory.domain import ImageSource, Label
from defectory.sources import Dataset

_TRAIN_NOISE, _TEST_NOISE = 1, 2
_WHOLE = ("clean", "noisy")
# The paper's design on the packaged encoder: what each of our changes is measured against.
_FAITHFUL = {
    "mix": "paper", "memory": "image", "memory_choice": "random", "whitening": 0.0,
    "use_evidence": False, "use_fusion": True, "pseudo_labels": "matching", "pseudo_simulated": True,
}  # fmt: skip

MAIN: dict[str, tuple[str, dict[str, Any]]] = {
    "gaussian": ("gaussian", {}),
    "MemSeg": ("memseg", {}),
    "MAPL as in the paper": ("mapl", _FAITHFUL),
    "MAPL": ("mapl", {}),
}
_HEAD = {"use_evidence": False}
_VOTES = {"pseudo_labels": "matching"}
_PAPERS_VOTES = {**_VOTES, "pseudo_simulated": True}
# Measured when the paper's votes were the default: one part differs from this, not from `MAPL`.
_ABLATED = {**_HEAD, **_PAPERS_VOTES}
REFERENCE = "votes on simulated images"
ABLATIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "head alone": ("mapl", _HEAD),
    "votes on unlabeled images": ("mapl", {**_HEAD, **_VOTES}),
    REFERENCE: ("mapl", _ABLATED),
    "votes without gradient": ("mapl", {**_ABLATED, "pseudo_gradient": False}),
    "percentiles": ("mapl", {**_ABLATED, "pseudo_labels": "percentile"}),
    "fusion": ("mapl", {**_ABLATED, "use_fusion": True}),
    "fusion with coordinate attention": (
        "mapl",
        {**_ABLATED, "use_fusion": True, "use_coordinate_attention": True},
    ),
    "no spatial attention": ("mapl", {**_ABLATED, "use_spatial_attention": False}),
    "memory at random": ("mapl", {**_ABLATED, "memory_choice": "random"}),
    "memory by image": ("mapl", {**_ABLATED, "memory": "image"}),
    "memory by patch": ("mapl", {**_ABLATED, "memory": "patch"}),
    "simulation as in the paper": ("mapl", {**_ABLATED, "mix": "paper"}),
    "K = 1": ("mapl", {**_ABLATED, "n_classifiers": 1}),
    "K = 5": ("mapl", {**_ABLATED, "n_classifiers": 5}),
    "N = 10": ("mapl", {**_ABLATED, "n_memory": 10}),
    "N = 100": ("mapl", {**_ABLATED, "n_memory": 100}),
    "encoder from scratch": ("mapl", {"encoder": "scratch", **_PAPERS_VOTES}),
    "from scratch with stale memory": (
        "mapl",
        {"encoder": "scratch", **_PAPERS_VOTES, "refresh_memory": False},
    ),
}
ROWS = MAIN | ABLATIONS


@dataclass(frozen=True, kw_only=True)
class Told(added_runs.Told):
    """What the command line says.

    Attributes
    ----------
    rows : names in `ROWS`
    variants : "clean" and "noisy" are of P1; the others are those of `benchmarks.label_cases`
    n_seeds : repeats
    """

    rows: tuple[str, ...]
    variants: tuple[str, ...]
    n_seeds: int


def run(told: Told) -> None:
    """Add the runs that are not in the file yet; ToldError before the first for a name that is unknown."""
    for asked, known in ((told.rows, ROWS), (told.variants, (*_WHOLE, *VARIANTS))):
        unknown = sorted(set(asked) - set(known))
        if unknown:
            raise ToldError(f"there is no {unknown[0]!r}; there are {', '.join(known)}")
    add_each(told, _missing(told), _run_one, _key)


def _run_one(told: Told, row: str, variant: str, seed: int) -> dict[str, Any]:
    train, test, data = _draw(variant, seed, told.n_images)
    started = time.perf_counter()
    figures, weights = measure(row, variant, seed, train, test, told.cache)
    say(
        f"{row}, {variant}, seed {seed}: image AUROC {figures['image_auroc']:.4f}, "
        f"{time.perf_counter() - started:.0f} s"
    )
    facts = provenance(data=data, weights=weights, command=told.command)
    named = {"protocol": "mapl", "row": row, "variant": variant, "seed": seed}
    return {**named, "figures": figures, **facts}


def _draw(variant: str, seed: int, n_images: int | None) -> tuple[Dataset, Dataset, str]:
    """Return what is fitted on, what is scored, and the fingerprint of the whole."""
    if variant in _WHOLE:
        data = magnetic_tile()
        train = thin(of_label(data.subset("train"), Label.NORMAL), n_images)
        return train, thin(data.subset("test"), n_images), data.fingerprint()
    material = read_material(VARIANTS[variant].data, seed, n_images)
    case = draw_case(material, VARIANTS[variant], seed)
    return case.train, case.test, material.fingerprint


def measure(
    row: str, variant: str, seed: int, train: Dataset, test: Dataset, cache: Path
) -> tuple[Figures, str]:
    """Return the figures of one fit, and the weight card's id."""
    name, settings = ROWS[row]
    make: Any = find_detector(name)
    detector: Detector = make(seed=seed, cache=FeatureCache(cache), **settings)
    seen: ImageSource = train.images()
    unseen: ImageSource = test.images()
    if variant == "noisy":
        seen, unseen = NoisyImages(seen, _TRAIN_NOISE), NoisyImages(unseen, _TEST_NOISE)
    started = time.perf_counter()
    masks = train.masks()
    detector.fit(seen, train.labels, masks if any(masks.paths) else None)
    fitted = time.perf_counter()
    scores = detector.score(unseen)
    scored = time.perf_counter()
    figures = image_figures(detector, scores, test.labels)
    if any(test.masks().paths):
        figures |= pixel_figures(scores.anomaly_maps, test)
    figures["fit_s"] = fitted - started
    figures["images_a_second"] = len(test) / (scored - fitted)
    return figures, detector.backbone_.card.id


def _missing(told: Told) -> Iterator[tuple[str, str, int]]:
    done = {_key(run) for run in read_sized(told.out, told.n_images)}
    for seed in range(told.n_seeds):
        for variant in told.variants:
            for row in told.rows:
                if (row, variant, seed) not in done:
                    yield row, variant, seed


def _key(run: Run) -> tuple[str, str, int]:
    return run["row"], run["variant"], run["seed"]
