"""P0, the suite: every detector on five data sets in the variants that people have.

It judges designs: a change that gains on one set and loses on two is no gain. A row is a detector with
settings, a run is a row, a data set, a variant and a seed. Each run is written as soon as it is done, and one
that is in the file already is not repeated.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import added_runs
from benchmarks.added_runs import add_each, check_names
from benchmarks.evaluation import Figures, find_missing_groups, image_figures, say
from benchmarks.p1 import pixel_figures
from benchmarks.provenance import provenance
from benchmarks.result_files import Run, read_sized
from benchmarks.suite_cases import SETS, VARIANTS, draw, is_drawn, material_of, variants_of
from defectory.backbones.feature_cache import FeatureCache
from defectory.detectors import find_detector
from defectory.detectors.base import Detector

ROWS: dict[str, tuple[str, dict[str, Any]]] = {
    "auto": ("auto", {}),
    "auto fast": ("auto", {"speed": "fast"}),
    "auto thorough": ("auto", {"speed": "thorough"}),
    "auto without refit": ("auto", {"use_refit": False}),
    "gaussian": ("gaussian", {}),
    "gaussian 384 px": ("gaussian", {"size_px": 384}),
    "patch-memory": ("patch-memory", {}),
    "patch-memory 384 px": ("patch-memory", {"size_px": 384}),
    "patch-memory 512 px": ("patch-memory", {"size_px": 512}),
    "mapl": ("mapl", {}),
}
"""Name -> detector in the registry, and keywords of its constructor."""

_EXTRA = ("mapl", "auto fast", "auto thorough", "auto without refit")
QUICK = tuple(row for row in ROWS if row not in _EXTRA)


@dataclass(frozen=True, kw_only=True)
class Told(added_runs.Told):
    """What the command line says.

    Attributes
    ----------
    rows : names in `ROWS`
    sets : names in `suite_cases.SETS`
    variants : names in `suite_cases.VARIANTS`
    n_seeds : draws of the variants that are drawn
    """

    rows: tuple[str, ...]
    sets: tuple[str, ...]
    variants: tuple[str, ...]
    n_seeds: int


def run(told: Told) -> None:
    """Add the runs that are not in the file yet; ToldError before the first where a name is unknown."""
    check_names(
        ("row", told.rows, tuple(ROWS)),
        ("data set", told.sets, SETS),
        ("variant", told.variants, VARIANTS),
    )
    for name in told.sets:
        material_of(name)  # missing data are told before the first run
    add_each(told, _missing(told), _run_one, _key)


def _run_one(told: Told, row: str, name: str, variant: str, seed: int) -> Run:
    found, weights = measure(row, name, variant, seed, told.cache, told.n_images)
    reached = found["figures"]
    say(
        f"{row}, {name}, {variant}, seed {seed}: image AUROC {reached['image_auroc']:.4f}, "
        f"AUPRO {reached.get('aupro', float('nan')):.4f}, recall {reached['observed_recall']:.3f} "
        f"at {reached['observed_false_reject_rate']:.3f} false rejects, fit {reached['fit_s']:.0f} s"
    )
    fingerprint = material_of(name).fingerprint
    facts = provenance(data=fingerprint, weights=weights, command=told.command)
    named = {"protocol": "suite", "row": row, "data_set": name, "variant": variant, "seed": seed}
    return {**named, **found, **facts}


def measure(
    row: str, name: str, variant: str, seed: int, cache: Path, n_images: int | None
) -> tuple[dict[str, Any], str]:
    """Return what one fit gave, JSON-ready, and the weight card's id."""
    detector_name, settings = ROWS[row]
    make: Any = find_detector(detector_name)
    detector: Detector = make(seed=seed, cache=FeatureCache(cache), **settings)
    case = draw(name, variant, seed, cache, n_images)
    masks = case.train.masks()
    has_masks = any(path is not None for path in masks.paths)
    started = time.perf_counter()
    train = find_missing_groups(case.train)
    detector.fit(train.images(), train.labels, masks if has_masks else None, groups=train.groups)
    fitted = time.perf_counter()
    scores = detector.score(case.test.images())
    figures: Figures = {
        **image_figures(detector, scores, case.test.labels),
        "fit_s": fitted - started,
        "images_a_second": len(case.test) / (time.perf_counter() - fitted),
        "bundle_mb": sum(array.nbytes for array in detector.arrays().values()) / 1e6,
    }
    if any(sample.mask_path is not None for sample in case.test.samples):
        figures |= pixel_figures(scores.anomaly_maps, case.test)
    counts = {
        "n_learned": len(case.train),
        "n_hidden": int(case.truth.sum()) if variant.startswith("contaminated") else 0,
        "n_good": int((case.test.labels == 0).sum()),
        "n_defects": int((case.test.labels == 1).sum()),
    }
    return {"figures": figures, "counts": counts}, detector.backbone_.card.id


def _missing(told: Told) -> Iterator[tuple[str, str, str, int]]:
    done = {_key(found) for found in read_sized(told.out, told.n_images)}
    for seed in range(told.n_seeds):
        for variant in told.variants:
            for name in told.sets:
                if variant not in variants_of(name) or (seed and not is_drawn(variant)):
                    continue
                for row in told.rows:
                    if (row, name, variant, seed) not in done:
                        yield row, name, variant, seed


def _key(found: Run) -> tuple[str, str, str, int]:
    return found["row"], found["data_set"], found["variant"], found["seed"]
