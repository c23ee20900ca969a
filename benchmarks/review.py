"""What labels bring, by who chose the images: strategies and their mix against images drawn at random.

`auto` is fitted on a contaminated folder of the suite. A simulated inspector is asked about ten images at a
time, up to a hundred, by one strategy; each time `update` teaches the fitted bundle all answers, and what it
refuses leaves the bundle as it was; `taught` is of what it would have been. One inspector is always right,
the other wrong in one of twenty. What strategies are measured by is what 500 answers drawn at random bring.
Everything goes through the workflows that the command line calls; test images are only counted.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import added_runs
from benchmarks.added_runs import add_each, check_names
from benchmarks.evaluation import say
from benchmarks.label_cases import Case
from benchmarks.provenance import provenance
from benchmarks.result_files import Run, read_sized
from benchmarks.suite_cases import SETS, draw, material_of
from benchmarks.updates import VARIANTS, fit
from defectory.backbones.feature_cache import FeatureCache
from defectory.domain import ImageSource, Label, NoProgress
from defectory.domain.images import ChosenImages
from defectory.labeling import DEFAULT_MIX, STRATEGIES, make_queue
from defectory.metrics import auroc, average_precision
from defectory.sources import Dataset
from defectory.sources.thumbnails import read_thumbnails
from defectory.workflows.calibrated import CalibratedDetector
from defectory.workflows.reviewing.candidates import gather_candidates
from defectory.workflows.updating.new_labels import check_new_labels
from defectory.workflows.updating.update import update_model

N_ASKED, N_BATCHES = 10, 10
N_REFERENCE = 500
"""Answers at random whose average precision others are to reach, or as many as there are images."""
REFERENCE_ROW = "random at once"
ROWS: Mapping[str, Mapping[str, float]] = {
    "mix": DEFAULT_MIX,
    **{name: {name: 1.0} for name in STRATEGIES},
    REFERENCE_ROW: {"random": 1.0},
}
INSPECTORS = {"right": 0.0, "5 % wrong": 0.05}
"""Inspector -> share of wrong answers."""

_INSPECTOR_STREAM = 23


@dataclass(frozen=True, kw_only=True)
class Told(added_runs.Told):
    """What the command line says."""

    rows: tuple[str, ...]
    sets: tuple[str, ...]
    variants: tuple[str, ...]
    inspectors: tuple[str, ...]
    n_seeds: int


def run(told: Told) -> None:
    """Add the runs that are not in the file yet; ToldError before the first where a name is unknown."""
    check_names(
        ("row", told.rows, tuple(ROWS)),
        ("data set", told.sets, SETS),
        ("variant", told.variants, VARIANTS),
        ("inspector", told.inspectors, tuple(INSPECTORS)),
    )
    add_each(told, _missing(told), _run_one, _key)


Key = tuple[str, str, str, str, int]


def _missing(told: Told) -> Iterator[Key]:
    done = {_key(found) for found in read_sized(told.out, told.n_images)}
    for seed in range(told.n_seeds):
        for variant in told.variants:
            for name in told.sets:
                for inspector in told.inspectors:
                    for row in told.rows:
                        if (row, inspector, name, variant, seed) not in done:
                            yield row, inspector, name, variant, seed


def _key(found: Run) -> Key:
    known = (found[name] for name in ("row", "inspector", "data_set", "variant"))
    return *known, found["seed"]  # type: ignore[return-value]


def _run_one(told: Told, row: str, inspector: str, name: str, variant: str, seed: int) -> Run:
    review = _begin(name, variant, seed, told.cache, told.n_images)
    found = review.run(row, INSPECTORS[inspector])
    last = found["steps"][-1]
    say(f"{name}, {variant}, {inspector}, {row}, seed {seed}: AP {last['image_ap']:.3f}")
    facts = provenance(
        data=material_of(name).fingerprint,
        weights=review.model.facts.weights,
        command=told.command,
    )
    named = {"protocol": "review", "row": row, "inspector": inspector, "data_set": name}
    return {**named, "variant": variant, "seed": seed, **found, **facts}


@lru_cache(maxsize=1)
def _begin(name: str, variant: str, seed: int, cache: Path, n_images: int | None) -> "Review":
    """Return what all strategies start from: one fit, what is known of its images."""
    case = draw(name, variant, seed, cache, n_images)
    fitted = fit(case.train, seed, cache).model
    thumbnails = read_thumbnails(case.train.images(), NoProgress())
    return Review(case, seed, cache, fitted, tuple(case.train.contents()), thumbnails)


@dataclass(frozen=True)
class Review:
    """A folder, what was fitted on it, and an inspector to ask."""

    case: Case
    seed: int
    cache: Path
    model: CalibratedDetector
    contents: tuple[str, ...]
    thumbnails: NDArray[np.uint8]

    def run(self, row: str, wrong_ratio: float) -> dict[str, Any]:
        """Return what is found after each batch of answers, JSON-ready."""
        answers = self._answers(wrong_ratio)
        codes = np.full(len(answers), Label.UNLABELED, np.int8)
        model, shipped = self.model, self._judge(self.model)
        steps = [{"n_labels": 0, "n_found": 0, **shipped, "refused": "", "taught": shipped}]
        is_reference = row == REFERENCE_ROW
        for _ in range(1 if is_reference else N_BATCHES):
            for index in self._ask(row, model, codes, N_REFERENCE if is_reference else N_ASKED):
                codes[index] = answers[index]
            taught = update_model(
                self.model, check_new_labels(_labeled(self.case.train, codes), "queue"),
                use_cache=False,
            )  # fmt: skip
            refused = taught.effect.why_worse(model.promise.false_reject_rate)
            found = self._judge(taught.model)
            if not refused:
                model, shipped = taught.model, found
            is_asked = codes != Label.UNLABELED
            n_found = int(self.case.truth[is_asked].sum())
            told = {"n_labels": int(is_asked.sum()), "n_found": n_found, "refused": refused}
            steps.append({**told, **shipped, "taught": {**found, **vars(taught.effect)}})
        n_refused = sum(bool(step["refused"]) for step in steps)
        return {"steps": steps, "n_hidden": int(self.case.truth.sum()), "n_refused": n_refused}

    def _ask(
        self, row: str, model: CalibratedDetector, codes: NDArray[np.int8], n: int
    ) -> list[int]:
        """Return the images to ask about next."""
        scores = self._score_train(model, every="disagreement" in ROWS[row])
        known = gather_candidates(model, self.contents, scores, codes, self.thumbnails)
        queue = make_queue(known, n, mix=ROWS[row], seed=self.seed)
        if len(queue) < n:  # a strategy that runs out goes on at random
            queue = make_queue(known, n, mix={**ROWS[row], "random": 1e-6}, seed=self.seed)
        return [entry.index for entry in queue]

    def _answers(self, wrong_ratio: float) -> NDArray[np.int8]:
        """Return (n,) codes that the inspector gives; of one seed all strategies get the same."""
        rng = np.random.default_rng([self.seed, _INSPECTOR_STREAM])
        is_wrong = rng.random(len(self.case.truth)) < wrong_ratio
        return np.where(self.case.truth ^ is_wrong, Label.ANOMALOUS, Label.NORMAL).astype(np.int8)

    def _judge(self, model: CalibratedDetector) -> dict[str, Any]:
        """Return figures on test images, at the shipped threshold where they need one."""
        test = self.case.test
        scores, is_bad = self._score(model, test.images()), test.labels == Label.ANOMALOUS
        is_rejected = scores > model.threshold.value
        return {
            "image_ap": average_precision(scores, is_bad),
            "image_auroc": auroc(scores, is_bad),
            "recall": float(is_rejected[is_bad].mean()),
            "false_rejects": float(is_rejected[~is_bad].mean()),
        }

    def _score_train(self, model: CalibratedDetector, *, every: bool) -> NDArray[np.float32]:
        """Return (n,) raw scores; zeros where left-out scores take their place, unless all are wanted."""
        learned = set() if every else set(model.bundle.calibration.contents)
        asked = [i for i, content in enumerate(self.contents) if content not in learned]
        scores = np.zeros(len(self.contents), np.float32)
        if asked:
            scores[asked] = self._score(model, ChosenImages(self.case.train.images(), asked))
        return scores

    def _score(self, model: CalibratedDetector, images: ImageSource) -> NDArray[np.float32]:
        """Return (n,) raw scores; features come from the cache, which is what makes this affordable."""
        backbone = model.bundle.detector.backbone_  # type: ignore[attr-defined]
        backbone.cache = FeatureCache(self.cache)
        try:
            return model.bundle.detector.score(images).image_scores
        finally:
            backbone.cache = None


def _labeled(data: Dataset, codes: NDArray[np.int8]) -> Dataset:
    """Return the images that have an answer, with it and without masks."""
    told = [
        replace(sample, label=Label(int(code)), mask_path=None, split="")
        for sample, code in zip(data.samples, codes, strict=True)
        if code != Label.UNLABELED
    ]
    return replace(data, samples=tuple(told))
