"""P3: outliers in an unlabeled collection.

On Fashion-MNIST each class in turn belongs and images of the others are mixed in; of solar cells and magnetic
tiles all good images belong and defects are mixed in. A method is fitted on the contaminated, unlabeled union
and scores it; labels touch the metrics only. The ratio is the outliers' share of the collection: 7,000
normals and 778 outliers at .1.

Each row is written as soon as it is done, and a row that is there already is not measured again: a run may be
stopped and started again, and several may share the work, each with a file of its own.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.evaluation import say
from benchmarks.p3_collections import Material, draw_collection, read_material
from benchmarks.p3_runs import has_methods, key, read_beside
from benchmarks.provenance import provenance
from benchmarks.result_files import Run, add_run, smoke_marked
from defectory.backbones import View
from defectory.backbones.feature_cache import FeatureCache
from defectory.backbones.weights import load_backbone
from defectory.detectors import find_detector
from defectory.detectors.base import Detector
from defectory.detectors.contrast.encoding import GRID_SIDE
from defectory.detectors.contrast.projection import Projection, pool_grids
from defectory.detectors.mcod import Mcod
from defectory.domain import ImageSource, TrainingResources
from defectory.metrics import auroc, average_precision
from defectory.training.devices import find_device

PLACES = ("gaussian", "auto")
"""Detectors that look at places, measured beside MCOD where outliers are defects."""

ABLATIONS: dict[str, dict[str, Any]] = {
    "as it is": {},
    "no instance contrast": {"contrast_weight": 0.0},
    "no cluster contrast": {"cluster_weight": 0.0},
    "no balance": {"balance_weight": 0.0},
    "no read loss": {"read_weight": 0.0},
    "nothing untrusted": {"trim_ratio": 0.0},
    "plain read distance": {"whiten": False},
    "summed read loss": {"sum_read_loss": True},
    "temperature 10": {"temperature": 10.0},
    "two slots": {"n_slots": 2},
    "mean over the image": {"grid_side": 1},
    "as released": {
        "sum_read_loss": True, "temperature": 10.0, "cluster_temperature": 0.01,
        "unit_memory": True, "trim_ratio": 0.0, "whiten": False, "grid_side": 1,
    },
}  # fmt: skip
"""What is changed of Mcod's defaults, one row of the ablation each."""

# Without effect on packaged features.
_SCRATCH_ONLY = ("mean over the image",)

_PLAIN: dict[str, dict[str, Any]] = {"": {}}

Figures = dict[str, float]


@dataclass(frozen=True)
class Told:
    """What the command line told.

    Attributes
    ----------
    data : in `p3_collections.DATA`
    classes : what belongs in turn, numbers; of files there is only 0
    out : file that rows are added to; rows of other p3*.jsonl beside it are not repeated either
    with_rivals : also the rivals, and where outliers are defects those of `PLACES`
    one_kind : outliers of the next class only
    ablates : one part of MCOD changed at a time
    again : rows that are there are measured again and replaced
    is_alone : False where other runs share the machine: no timings then
    n_images : smoke run, so many normals
    device, n_threads, time_budget_s : of MCOD's training
    settings : of Mcod that differ from its defaults
    """

    data: str
    encoder: str
    classes: Sequence[int]
    ratios: Sequence[float]
    n_seeds: int
    cache: Path
    command: str
    out: Path
    with_rivals: bool = False
    one_kind: bool = False
    ablates: bool = False
    again: bool = False
    is_alone: bool = True
    n_images: int | None = None
    device: str = "cpu"
    n_threads: int = 1
    time_budget_s: float | None = None
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def has_defects(self) -> bool:
        """Whether outliers are defects, not other things."""
        return self.data != "fashion-mnist"

    @property
    def methods(self) -> tuple[str, ...]:
        """What a row holds beside MCOD."""
        if not self.with_rivals:
            return ()
        return ("rivals", "places") if self.has_defects else ("rivals",)


def run(told: Told) -> None:
    """Add the rows that are not there yet."""
    material = read_material(told.data)
    for wanted in rows(told, material.names):
        # looked up before each: another process may have written it meanwhile
        done = {key(r) for r in _done(told)}
        if told.again or key(wanted) not in done:
            found = {"protocol": "p3", **wanted, **measure(told, material, wanted)}
            add_run(told.out, smoke_marked(found, told.n_images), key)
            say(f"{_describe(wanted)}: AUROC {found['mcod']['auroc']:.4f}")


def rows(told: Told, names: Sequence[str]) -> Iterator[Run]:
    """Return what each row measures, without what it found."""
    for ratio in told.ratios:
        for normal in (0,) if told.has_defects else told.classes:
            for seed in range(told.n_seeds):
                for variant in variants(told):
                    yield {
                        "data": told.data,
                        "encoder": told.encoder,
                        "outliers": _outliers(told),
                        "settings": told.settings,
                        "time_budget_s": told.time_budget_s,
                        "device": find_device(_resources(told)).type,
                        "class": names[normal],
                        "ratio": ratio,
                        "seed": seed,
                        "variant": variant,
                    }


def variants(told: Told) -> list[str]:
    """Return the names of the variants of MCOD that are measured."""
    if not told.ablates:
        return list(_PLAIN)
    is_packaged = told.encoder == "packaged"
    return [name for name in ABLATIONS if not (is_packaged and name in _SCRATCH_ONLY)]


def measure(told: Told, material: Material, row: Run) -> Run:
    """Return what one fit found, and what made it."""
    normal, seed = material.names.index(row["class"]), row["seed"]
    chosen, truth = draw_collection(
        material.codes, normal, row["ratio"], seed, told.n_images, one_kind=told.one_kind
    )
    images = material.select(chosen.tolist())
    detector = _make_mcod(told, row)
    started = time.monotonic()
    detector.fit(images)
    found: Run = {
        "wall_s": time.monotonic() - started if told.is_alone else None,
        "mcod": figures(detector.fitted_scores_, truth),
        "last": dict(detector.history_[-1]),
        "n_outliers": int(truth.sum()),
        "n": len(truth),
    }
    if "rivals" in told.methods:
        found["rivals"] = _measure_rivals(detector, images, truth, seed)
    if "places" in told.methods:
        cache = FeatureCache(told.cache)
        found["places"] = {n: _measure_places(n, cache, images, truth, seed) for n in PLACES}
    card = detector.backbone_.card
    weights = card.id if told.encoder == "packaged" else card.source
    found |= provenance(data=material.fingerprint, weights=weights, command=told.command)
    found["machine"] |= _trained_on(row["device"], told.n_threads)
    return found


def figures(scores: NDArray[np.floating], truth: NDArray[np.bool_]) -> Figures:
    """Return AUROC, AUPR with the outliers as the positives, and with the others."""
    scores = np.asarray(scores, np.float64)
    return {
        "auroc": float(auroc(scores, truth)),
        "aupr_out": float(average_precision(scores, truth)),
        "aupr_in": float(average_precision(-scores, ~truth)),
    }


def _done(told: Told) -> Iterator[Run]:
    found = read_beside(told.out, told.n_images)
    return (run for run in found if has_methods(run, told.methods))


def _outliers(told: Told) -> str:
    if told.has_defects:
        return "defects"
    return "one kind" if told.one_kind else "all other classes"


def _make_mcod(told: Told, row: Run) -> Mcod:
    cache = FeatureCache(told.cache) if told.encoder == "packaged" else None
    settings = {**told.settings, **(ABLATIONS | _PLAIN)[row["variant"]]}
    detector = Mcod(encoder=told.encoder, n_folds=0, seed=row["seed"], cache=cache, **settings)
    detector.resources = _resources(told)
    return detector


def _resources(told: Told) -> TrainingResources:
    return TrainingResources(
        n_threads=told.n_threads, device=told.device, time_budget_s=told.time_budget_s
    )


def _trained_on(device: str, n_threads: int) -> dict[str, Any]:
    """Return what the provenance adds to the machine: the GPU where one was used, and torch's threads."""
    if device == "cpu":
        return {"threads": n_threads}
    import torch

    return {"threads": n_threads, "gpu": torch.cuda.get_device_name()}


def _measure_rivals(
    detector: Mcod, images: ImageSource, truth: NDArray[np.bool_], seed: int
) -> dict[str, Figures]:
    """Return the figures of the rivals, on the coordinates that MCOD's network begins with."""
    from benchmarks.outlier_rivals import score_all

    backbone = load_backbone(detector.backbone, ("block10", "block14"), cache=detector.cache)
    view = View(detector.size_px, even_exposure=detector.even_exposure)
    raw = np.stack([pool_grids(f, GRID_SIDE) for f in backbone.extract(images, view)])
    vectors = Projection.fit(raw, detector.n_dims, np.random.default_rng(seed))(raw)
    found = score_all(vectors.astype(np.float64), float(truth.mean()), seed)
    return {name: figures(scores, truth) for name, scores in found.items()}


def _measure_places(
    name: str, cache: FeatureCache, images: ImageSource, truth: NDArray[np.bool_], seed: int
) -> Figures:
    """Return the figures of a detector of places, fitted on the collection and scoring it."""
    make: Any = find_detector(name)
    detector: Detector = make(seed=seed, cache=cache)
    started = time.monotonic()
    detector.fit(images)
    fit_s = time.monotonic() - started
    return {**figures(detector.score(images).image_scores, truth), "fit_s": fit_s}


def _describe(row: Run) -> str:
    parts = [row["data"], row["encoder"], row["class"], f"ratio {row['ratio']:g}"]
    return ", ".join([*parts, f"seed {row['seed']}", *filter(None, [row["variant"]])])
