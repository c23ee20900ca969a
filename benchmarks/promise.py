"""P5: does the promised false-reject rate hold, on new groups? Repeated splits of good images, no defects.

Two thirds of the groups are fitted on; the rejects among the others are counted. Groups are what new images
differ by: tiles (found by features, see `siblings`), blocks of solar cells, places on ball screws, scenes of
lenses. The fit is told them (`given`), or has to find what it can (`found`), or counts images (`none`).

A split contradicts the promise where so many rejects would come up with less than 5 % probability if the true
rate were the promised one: by a binomial test on images, and by one on groups, whose images are not
independent: the sum S of the shares of each group's images that are rejected is the mean of a sum of coin
tosses, so that P(S >= s) <= 2 P(Binomial(groups, rate) >= floor(s)). A promise at 95 % confidence may be
contradicted in about 5 % of the splits.

Simulated groups: scores of one part share an effect of the part; the true rate is known there.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import comb, floor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import added_runs
from benchmarks.added_runs import add_each, check_names
from benchmarks.evaluation import find_missing_groups, say
from benchmarks.provenance import provenance
from benchmarks.result_files import Run, read_sized
from benchmarks.suite_cases import SETS, good_groups, material_of
from defectory.backbones.feature_cache import FeatureCache
from defectory.calibration import DEFAULT_CONFIDENCE, choose_threshold, fit_threshold
from defectory.detectors import detector_names, find_detector
from defectory.sources import Dataset

RATES = (0.01, 0.05)
SIGNIFICANCE = 0.05
WAYS = ("given", "found", "none")
SIMULATED = "simulated"
PICTURES = (1, 2, 5, 20)
_FIT_SHARE = 2 / 3
_N_SIMULATED = 400
_N_FIT_GROUPS, _N_NEW_GROUPS = 400, 20_000
# Of the variance of scores: what pictures of one part share.
_SHARED = 0.7

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Told(added_runs.Told):
    """What the command line says.

    Attributes
    ----------
    rows : names of detectors, or "simulated"
    ways : of `WAYS`
    n_splits : of each data set
    """

    rows: tuple[str, ...]
    sets: tuple[str, ...]
    ways: tuple[str, ...]
    n_splits: int


def run(told: Told) -> None:
    """Add the runs that are not in the file yet; ToldError before the first where a name is unknown."""
    check_names(
        ("row", told.rows, (*detector_names(), SIMULATED)),
        ("data set", told.sets, SETS),
        ("way", told.ways, WAYS),
    )
    add_each(told, _missing(told), _run_one, _key)


def _missing(told: Told) -> Iterator[tuple[str, str, str, int]]:
    done = {_key(found) for found in read_sized(told.out, told.n_images)}
    for row in told.rows:
        if row == SIMULATED:
            cases = [(str(n), "given", 0) for n in PICTURES]
        else:
            cases = [
                (name, way, seed)
                for seed in range(told.n_splits)
                for name in told.sets
                for way in told.ways
            ]
        yield from ((row, *case) for case in cases if (row, *case) not in done)


def _key(found: Run) -> tuple[str, str, str, int]:
    return found["row"], found["data_set"], found["way"], found["seed"]


def _run_one(told: Told, row: str, name: str, way: str, seed: int) -> Run:
    if row == SIMULATED:
        found, weights = _simulate(int(name)), "none"
        described = repr((__doc__, name, _N_FIT_GROUPS, _SHARED))
        fingerprint = hashlib.sha256(described.encode()).hexdigest()
    else:
        found, weights = _measure(told, row, name, way, seed)
        fingerprint = material_of(name).fingerprint
    say(f"{row}, {name}, groups {way}, split {seed}: {found['promises']}")
    facts = provenance(data=fingerprint, weights=weights, command=told.command)
    named = {"protocol": "promise", "row": row, "data_set": name, "way": way, "seed": seed}
    return {**named, "confidence": DEFAULT_CONFIDENCE, **found, **facts}


def _measure(told: Told, row: str, name: str, way: str, seed: int) -> tuple[dict[str, Any], str]:
    """Return what one split says, JSON-ready, and the weight card's id."""
    fitted, others, groups = _split(name, seed, told)
    detector: Any = find_detector(row)(seed=seed, cache=FeatureCache(told.cache))
    if way == "none":
        fitted = _without_groups(fitted)
    elif way == "found":
        fitted = find_missing_groups(_without_groups(fitted))
    detector.fit(fitted.images(), fitted.labels, groups=fitted.groups)
    scores = detector.score(others.images()).image_scores.astype(np.float64)
    promises = {}
    for rate in RATES:
        threshold = choose_threshold(detector.held_out_, rate)
        is_rejected = scores > threshold.value
        promises[f"{rate:g}"] = {
            "basis": threshold.basis,
            "rejects": int(is_rejected.sum()),
            "p_images": binomial_tail(len(scores), rate, int(is_rejected.sum())),
            "p_groups": tail_of_groups(is_rejected, groups, rate),
        }
    counts = {
        "n_fit": len(fitted),
        "n_fit_groups": len(np.unique(detector.held_out_.groups)),
        "n_good": len(others),
        "n_good_groups": len(np.unique(groups)),
    }
    return {**counts, "promises": promises}, detector.backbone_.card.id


def _split(name: str, seed: int, told: Told) -> tuple[Dataset, Dataset, NDArray[np.int64]]:
    """Return good images to fit on, with their groups, others, and the others' groups."""
    good, groups = good_groups(name, told.cache, told.n_images)
    names = np.unique(groups)
    order = np.random.default_rng(seed).permutation(len(names))
    chosen = names[order[: round(_FIT_SHARE * len(names))]]
    is_fitted = np.isin(groups, chosen)
    told_groups = [
        replace(sample, group=str(group))
        for sample, group in zip(good.samples, groups, strict=True)
    ]
    return (
        replace(good, samples=tuple(told_groups[i] for i in np.flatnonzero(is_fitted))),
        replace(good, samples=tuple(good.samples[i] for i in np.flatnonzero(~is_fitted))),
        groups[~is_fitted],
    )


def _without_groups(data: Dataset) -> Dataset:
    return replace(data, samples=tuple(replace(sample, group=None) for sample in data.samples))


def _simulate(n_pictures: int) -> dict[str, Any]:
    """Return how often the true rate is beyond the promise, by groups and by images."""
    rng = np.random.default_rng(n_pictures)
    new = _draw(rng, _N_NEW_GROUPS, n_pictures).ravel()
    groups = np.repeat(np.arange(_N_FIT_GROUPS), n_pictures)
    promises = {}
    for rate in RATES:
        broken = {"given": 0, "none": 0}
        for _ in range(_N_SIMULATED):
            scores = _draw(rng, _N_FIT_GROUPS, n_pictures).ravel()
            for way, known in (("given", groups), ("none", None)):
                broken[way] += int(
                    (new > fit_threshold(scores, rate, groups=known).value).mean() > rate
                )
        promises[f"{rate:g}"] = {way: n / _N_SIMULATED for way, n in broken.items()}
    return {"n_fit_groups": _N_FIT_GROUPS, "n_draws": _N_SIMULATED, "promises": promises}


def _draw(rng: np.random.Generator, n_groups: int, n_pictures: int) -> Floats:
    """Return (groups, pictures) scores with a long upper tail."""
    part, picture = rng.normal(size=(n_groups, 1)), rng.normal(size=(n_groups, n_pictures))
    found: Floats = np.exp(0.5 * (_SHARED**0.5 * part + (1 - _SHARED) ** 0.5 * picture))
    return found


def binomial_tail(n: int, p: float, at_least: int) -> float:
    """Return P(Binomial(n, p) >= at_least)."""
    return 1.0 - sum(comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(at_least))


def tail_of_groups(is_rejected: NDArray[np.bool_], groups: NDArray[np.int64], rate: float) -> float:
    """Return a bound on the probability of so many rejects, where images of a group are not independent."""
    _, numbers, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    total = float(np.bincount(numbers, is_rejected / sizes[numbers]).sum())
    if len(sizes) == len(groups):
        return binomial_tail(len(groups), rate, round(total))
    return min(1.0, 2 * binomial_tail(len(sizes), rate, floor(total + 1e-9)))
