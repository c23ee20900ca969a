"""What few labels are worth: P1 and P2 with contaminated folders, budgets of labels, types without labels.

A row is a detector with settings; a run is a row, a variant (see `label_cases`) and a seed.
Each run is written as soon as it is done, and a run that is in the file already is not repeated.
"""

import inspect
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import added_runs
from benchmarks.added_runs import add_each
from benchmarks.evaluation import Figures, image_figures, say
from benchmarks.label_cases import (
    FAMILIES,
    SEEN_TYPES,
    VARIANTS,
    Case,
    Material,
    Variant,
    draw_case,
    largest_budget,
    named,
    read_material,
)
from benchmarks.p1 import pixel_figures
from benchmarks.provenance import provenance
from benchmarks.result_files import Run, ToldError, read_sized
from defectory.backbones.feature_cache import FeatureCache
from defectory.detectors import detector_names, find_detector
from defectory.detectors.base import Detector
from defectory.detectors.grids import cell_means
from defectory.domain import Label, Scores
from defectory.metrics import auroc
from defectory.sources import Dataset, FileImages

_UPDATED = "p1-contaminated-10"
_SIDE = 16
# Of a cell's pixels: from this share on it counts as defective.
_CELL_SHARE = 0.5

ALL_KNOWN = "nothing hidden"
"""`auto` on the same draws without the unlabeled defects, which only the truth can tell: a bound."""

ROWS: dict[str, tuple[str, dict[str, Any]]] = {
    "auto": ("auto", {}),
    ALL_KNOWN: ("auto", {}),
    "normality alone": ("gaussian", {}),
    "memory map": ("patch-memory", {}),
    "no refit": ("auto", {"use_refit": False}),
    "no labels": ("auto", {"use_labels": False}),
    "mapl": ("mapl", {}),
}
"""Name -> detector in the registry, and keywords of its constructor."""


@dataclass(frozen=True, kw_only=True)
class Told(added_runs.Told):
    """What the command line says.

    Attributes
    ----------
    rows : names in `ROWS`
    protocols : names in `label_cases.FAMILIES`, or single variants
    again : runs that are in the file are repeated and replaced
    n_seeds : repeats
    """

    rows: tuple[str, ...]
    protocols: tuple[str, ...]
    n_seeds: int
    again: bool


def run(told: Told) -> None:
    """Add the runs that are not in the file yet; ToldError before the first where one cannot be run."""
    for row in told.rows:
        check_row(row)
    unknown = set(told.protocols) - {*FAMILIES, *VARIANTS}
    if unknown:
        raise ToldError(f"no protocol is named {sorted(unknown)}; there are {', '.join(FAMILIES)}")
    add_each(told, _missing(told), _run_one, _key)


def _run_one(told: Told, row: str, variant: Variant, seed: int) -> Run:
    started = time.perf_counter()
    material = read_material(variant.data, seed, told.n_images)
    found, weights = measure(row, variant, seed, material, told.cache)
    seconds = time.perf_counter() - started
    reached = found["figures"]["image_auroc"]
    say(f"{row}, {variant.name}, seed {seed}: image AUROC {reached:.4f}, {seconds:.0f} s")
    facts = provenance(data=material.fingerprint, weights=weights, command=told.command)
    named = {"protocol": "labels", "row": row, "variant": variant.name, "seed": seed}
    return {**named, **found, **facts}


def check_row(row: str) -> None:
    """Raise ToldError, with what could be meant, unless the row can be run."""
    if row not in ROWS:
        raise ToldError(f"no row is named {row!r}; there are {', '.join(ROWS)}")
    name, settings = ROWS[row]
    if name not in detector_names():
        raise ToldError(
            f"row {row!r}: no detector is named {name!r}; there are {list(detector_names())}"
        )
    known = inspect.signature(find_detector(name)).parameters
    unknown = [key for key in settings if key not in known]
    if unknown:
        raise ToldError(f"row {row!r}: {name!r} has no setting {unknown}; it has {list(known)}")


def measure(
    row: str, variant: Variant, seed: int, material: Material, cache: Path
) -> tuple[dict[str, Any], str]:
    """Return what one fit gave, JSON-ready, and the weight card's id."""
    name, settings = ROWS[row]
    make: Any = find_detector(name)
    detector: Detector = make(seed=seed, cache=FeatureCache(cache), **settings)
    case = draw_case(material, variant, seed)
    if row == ALL_KNOWN:
        case = without_hidden(case)
    masks = case.train.masks()
    forget_peak()
    started = time.perf_counter()
    detector.fit(
        case.train.images(), case.train.labels, masks if any(p for p in masks.paths) else None
    )
    cost: Figures = {"fit_s": time.perf_counter() - started, "peak_mb": peak_mb()}
    scores = detector.score(case.test.images())
    figures = {**image_figures(detector, scores, case.test.labels), **cost}
    largest = draw_case(material, largest_budget(variant.data), seed)
    figures["auroc_on_curve"] = _auroc_on(scores, case.test, largest.test)
    if variant.data == "p1":
        figures |= _by_types(scores, case.test) | pixel_figures(scores.anomaly_maps, case.test)
        figures |= cell_figures(scores, case.test)
    found: dict[str, Any] = {
        "figures": figures,
        "contamination": contamination(detector, case),
        "suspects": suspects(detector, case),
    }
    if variant.kind == "clean":
        found["auroc_on_test_of"] = _on_other_tests(scores, case.test, variant, material, seed)
    if is_corrected(row, variant, detector):
        found["update"] = update_figures(detector, case, figures["image_auroc"])
    return found, detector.backbone_.card.id


def is_corrected(row: str, variant: Variant, detector: Detector) -> bool:
    """Return whether corrections are measured; where nothing is hidden, there is no missed defect."""
    return variant.name == _UPDATED and row != ALL_KNOWN and hasattr(detector, "update")


def without_hidden(case: Case) -> Case:
    """Return the case without unlabeled defects to fit on; the test stays."""
    is_kept = ~(case.truth & (case.train.labels == Label.UNLABELED))
    kept = [s for s, keep in zip(case.train.samples, is_kept, strict=True) if keep]
    return Case(replace(case.train, samples=tuple(kept)), case.truth[is_kept], case.test)


def _by_types(scores: Scores, test: Dataset) -> Figures:
    """Return the AUROC of types that `new-types` labels, and of the others, against all good images."""
    types = np.array([sample.defect_type or "" for sample in test.samples])
    normal, seen = test.labels == Label.NORMAL, np.isin(types, SEEN_TYPES)
    return {
        f"auroc_{name}": auroc(scores.image_scores[shown], test.labels[shown])
        for name, shown in (("seen", normal | seen), ("unseen", normal | ~seen))
    }


def cell_figures(scores: Scores, test: Dataset) -> Figures:
    """Return the best Dice on 16 x 16 cells, pooled over all test images; nothing without maps.

    The map is averaged over cells. For `cell_dice` a cell is defective where at least half of its pixels
    are, which leaves 175 of the 388 defects without such a cell; for `cell_dice_any` where any pixel is.
    Anomalous images whose mask is empty are left out, as everywhere.
    """
    if scores.anomaly_maps is None:
        return {}
    masks, values, shares = test.masks(), [], []
    for i, label in enumerate(test.labels):
        mask = masks.read(i)
        if label == Label.ANOMALOUS and (mask is None or not mask.any()):
            continue
        shares.append(np.zeros((_SIDE, _SIDE)) if mask is None else cell_means(mask, _SIDE))
        values.append(cell_means(scores.anomaly_maps[i], _SIDE))
    means, share = np.array(values), np.array(shares)
    return {
        "cell_dice": best_dice(means, share >= _CELL_SHARE),
        "cell_dice_any": best_dice(means, share > 0),
    }


def best_dice(values: NDArray[np.float64], truth: NDArray[np.bool_]) -> float:
    """Return the highest Dice of `values >= threshold` over all thresholds; nan without a true cell."""
    if not truth.any():
        return float("nan")
    order = np.argsort(-values, axis=None)
    ranked, is_true = values.ravel()[order], truth.ravel()[order]
    # equal values pass together
    last = np.append(ranked[1:] != ranked[:-1], True)
    n_marked = np.arange(1, ranked.size + 1)
    return float((2 * np.cumsum(is_true) / (n_marked + is_true.sum()))[last].max())


def contamination(detector: Detector, case: Case) -> dict[str, float | None] | None:
    """Return the estimated share of defects among unlabeled images beside the true one.

    None where nothing is unlabeled; estimates are None for a detector that makes none.
    """
    unlabeled = case.train.labels == Label.UNLABELED
    if not unlabeled.any():
        return None
    estimate = getattr(detector, "contamination_", None)
    keys = ("ratio", "lower", "upper")
    found = {key: None if estimate is None else float(getattr(estimate, key)) for key in keys}
    return {"true": float(case.truth[unlabeled].mean()), **found}


def suspects(detector: Detector, case: Case) -> dict[str, int]:
    """Return how many images of the fit were distrusted, how many of them and of all are defective."""
    chosen = [suspect.index for suspect in detector.suspects_]
    hidden = case.truth & (case.train.labels == Label.UNLABELED)
    return {
        "n": len(chosen),
        "n_defective": int(case.truth[chosen].sum()),
        "n_hidden": int(hidden.sum()),
    }


def update_figures(detector: Any, case: Case, before: float) -> Figures:
    """Return the seconds it takes to correct a false alarm and a missed defect, and the AUROC after it.

    The false alarm is the first suspect that is good, the missed defect the first that is no suspect; where
    there is none, the first good image and the first defect.
    """
    chosen = [suspect.index for suspect in detector.suspects_]
    rest = [i for i in range(len(case.truth)) if i not in set(chosen)]
    false_alarm = next(i for i in [*chosen, *rest] if not case.truth[i])
    missed = next(i for i in [*rest, *chosen] if case.truth[i])
    paths = [case.train.samples[i].path for i in (false_alarm, missed)]
    started = time.perf_counter()
    revision = detector.update(FileImages(paths), np.array([Label.NORMAL, Label.ANOMALOUS]))
    seconds = time.perf_counter() - started
    scores = revision.detector.score(case.test.images())
    after = auroc(scores.image_scores, case.test.labels)
    return {"update_s": seconds, "auroc_before": before, "auroc_after": after}


def _on_other_tests(
    scores: Scores, test: Dataset, variant: Variant, material: Material, seed: int
) -> Figures:
    """Return the AUROC on the test images of each other variant, from which drawn defects are gone."""
    figures = {}
    for other in VARIANTS.values():
        if other.data == variant.data and other != variant:
            figures[other.name] = _auroc_on(scores, test, draw_case(material, other, seed).test)
    return figures


def _auroc_on(scores: Scores, test: Dataset, other: Dataset) -> float:
    """Return the AUROC on those test images that another case tests, too."""
    kept = {sample.name for sample in other.samples}
    shown = np.array([sample.name in kept for sample in test.samples])
    return auroc(scores.image_scores[shown], test.labels[shown])


def forget_peak() -> None:
    """Make Linux count the peak of resident memory anew; elsewhere nothing happens."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return


def peak_mb() -> float:
    """Return the peak of resident memory since `forget_peak`, in 10^6 bytes; nan where it is not told."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return float("nan")
    return next((int(li.split()[1]) * 1024 / 1e6 for li in lines if "VmHWM" in li), float("nan"))


def _missing(told: Told) -> Iterator[tuple[str, Variant, int]]:
    there = [] if told.again else read_sized(told.out, told.n_images)
    done = {_key(run) for run in there}
    for seed in range(told.n_seeds):
        for variant in named(told.protocols):
            for row in told.rows:
                if (row, variant.name, seed) not in done:
                    yield row, variant, seed


def _key(run: Run) -> tuple[str, str, int]:
    return run["row"], run["variant"], run["seed"]
