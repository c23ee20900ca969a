"""A folder nobody sorted, then labels of its most suspicious images: what is decided, step by step.

`auto` is fitted on a contaminated folder of the suite. A person labels the first 10, 20, 40 and 100 images of
its ranking, rightly, without masks, and each time `update` teaches the fitted bundle all of them; what it
refuses leaves the bundle as it was. Beside it a fit on the folder with 40 labels, and one on the good images
alone, all confirmed. Everything goes through the workflows that the command line calls; test images are only
counted.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import added_runs
from benchmarks.added_runs import add_each, check_names
from benchmarks.evaluation import say
from benchmarks.label_cases import Case
from benchmarks.provenance import provenance
from benchmarks.result_files import Run, read_sized
from benchmarks.suite_cases import SETS, draw, material_of
from defectory.backbones.feature_cache import FeatureCache
from defectory.detectors.auto import Auto
from defectory.domain import Label
from defectory.metrics import auroc
from defectory.sources import Dataset
from defectory.workflows.calibrated import CalibratedDetector
from defectory.workflows.fitting.fit import fit_dataset
from defectory.workflows.fitting.options import FitOptions, FitResult
from defectory.workflows.updating.new_labels import check_new_labels
from defectory.workflows.updating.update import update_model

VARIANTS = ("contaminated-10", "contaminated-20")
BUDGETS = (10, 20, 40, 100)
REFITTED = 40


@dataclass(frozen=True, kw_only=True)
class Told(added_runs.Told):
    """What the command line says."""

    sets: tuple[str, ...]
    variants: tuple[str, ...]
    n_seeds: int


def run(told: Told) -> None:
    """Add the runs that are not in the file yet; ToldError before the first where a name is unknown."""
    check_names(
        ("data set", told.sets, SETS),
        ("variant", told.variants, VARIANTS),
    )
    add_each(told, _missing(told), _run_one, _key)


def _missing(told: Told) -> Iterator[tuple[str, str, int]]:
    done = {_key(found) for found in read_sized(told.out, told.n_images)}
    for seed in range(told.n_seeds):
        for variant in told.variants:
            for name in told.sets:
                if (name, variant, seed) not in done:
                    yield name, variant, seed


def _key(found: Run) -> tuple[str, str, int]:
    return found["data_set"], found["variant"], found["seed"]


def _run_one(told: Told, name: str, variant: str, seed: int) -> Run:
    case = draw(name, variant, seed, told.cache, told.n_images)
    found = _measure(case, seed, told.cache)
    say(f"{name}, {variant}, seed {seed}: {found['steps']}")
    facts = provenance(
        data=material_of(name).fingerprint, weights=found.pop("weights"), command=told.command
    )
    named = {"protocol": "updates", "data_set": name, "variant": variant, "seed": seed}
    return {**named, **found, **facts}


def _measure(case: Case, seed: int, cache: Path) -> dict[str, Any]:
    """Return what is decided of the test after each step, JSON-ready."""
    told_nothing = fit(case.train, seed, cache)
    steps = {"0": judge(told_nothing.model, case.test)}
    model, n_refused = told_nothing.model, 0
    ranking = [item.suspect.index for item in told_nothing.suspects]
    truth = np.where(case.truth, Label.ANOMALOUS, Label.NORMAL)
    n_found = {}
    for n in BUDGETS:
        first = ranking[:n]
        n_found[str(n)] = int(case.truth[first].sum())
        labels = check_new_labels(_labeled(case.train, first, truth).filter(_is_labeled), "ranking")
        taught = update_model(told_nothing.model, labels)
        refused = taught.effect.why_worse(model.promise.false_reject_rate)
        n_refused += bool(refused)
        model = model if refused else taught.model
        steps[str(n)] = {**judge(model, case.test), "refused": refused}
    again = _labeled(case.train, ranking[:REFITTED], truth)
    steps["refit"] = judge(fit(again, seed, cache).model, case.test)
    good = [i for i in range(len(case.train)) if not case.truth[i]]
    alone = replace(case.train, samples=tuple(case.train.samples[i] for i in good))
    confirmed = _labeled(alone, range(len(good)), np.full(len(good), Label.NORMAL))
    steps["clean"] = judge(fit(confirmed, seed, cache).model, case.test)
    return {
        "steps": steps,
        "n_hidden": int(case.truth.sum()),
        "n_found": n_found,
        "n_refused": n_refused,
        "weights": told_nothing.model.facts.weights,
    }


def fit(data: Dataset, seed: int, cache: Path) -> FitResult:
    """Return `auto` fitted on all of a data set."""
    everything = replace(data, samples=tuple(replace(s, split="train") for s in data.samples))
    detector = Auto(seed=seed, cache=FeatureCache(cache))
    return fit_dataset(everything, FitOptions(detector=detector, seed=seed, use_cache=False))


def judge(model: CalibratedDetector, test: Dataset) -> dict[str, Any]:
    """Return AUROC, recall and false rejects on test images at the shipped threshold."""
    scores = model.bundle.detector.score(test.images()).image_scores
    is_bad, is_rejected = test.labels == Label.ANOMALOUS, scores > model.threshold.value
    return {
        "image_auroc": auroc(scores, is_bad),
        "recall": float(is_rejected[is_bad].mean()),
        "false_rejects": float(is_rejected[~is_bad].mean()),
        "basis": model.threshold.basis,
    }


def _labeled(data: Dataset, chosen: Sequence[int], truth: Any) -> Dataset:
    """Return the data set with the true labels of some images, without masks."""
    samples = list(data.samples)
    for i in chosen:
        label = Label(int(truth[i]))
        samples[i] = replace(samples[i], label=label, mask_path=None, split="", is_random=False)
    return replace(data, samples=tuple(samples))


def _is_labeled(sample: Any) -> bool:
    return bool(sample.label != Label.UNLABELED)
