"""Whether a fit of one part and one of sixteen score alike.

Good images of a data set, confirmed; `fit --shard I/N` for each part and `fit --from-parts`, once with one
part and once with sixteen, each by its command. Both bundles then score all test images. Difference: of an
image score, relative to the larger of the two.
"""

import csv
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import pstdev
from typing import Any

from benchmarks.shard_place import Place, apart, takes

DETECTORS = ("gaussian", "patch-memory", "auto")
SETS = ("tiles", "ball-screw")
N_PARTS = 16

Scores = dict[str, float]


def measure(
    place: Place,
    detectors: tuple[str, ...] = DETECTORS,
    sets: tuple[str, ...] = SETS,
    n_images: int | None = None,
    n_parts: int = N_PARTS,
) -> dict[str, Any] | None:
    """Return differences and AUROC by data set and detector; None where fits have no parts."""
    if not takes("fit", "--from-parts"):
        print("shards: parity left out: fit has no option --from-parts", file=sys.stderr)
        return None
    rows = list(_rows(place, detectors, sets, n_images, n_parts))
    return {"n_parts": n_parts, "fits": rows, "data": apart(_fingerprints, sets)}


def _rows(
    place: Place,
    detectors: tuple[str, ...],
    sets: tuple[str, ...],
    n_images: int | None,
    n_parts: int,
) -> Iterator[dict[str, Any]]:
    for name in sets:
        folder = place.folder / name
        n_fitted, n_tested = apart(_write_lists, name, folder, n_images)
        for detector in detectors:
            one, one_s = _score_fit(place, name, detector, 1)
            many, many_s = _score_fit(place, name, detector, n_parts)
            difference = _difference(one, many)
            print(f"parity: {name}, {detector}: {difference:.1e}", file=sys.stderr, flush=True)
            yield {
                "data_set": name,
                "detector": detector,
                "n_fitted": n_fitted,
                "n_tested": n_tested,
                "score_difference": difference,
                "image_auroc": apart(_auroc, folder, one),
                "image_auroc_of_parts": apart(_auroc, folder, many),
                "fit_s": one_s,
                "fit_of_parts_s": many_s,
            }


def _score_fit(place: Place, name: str, detector: str, n: int) -> tuple[Scores, float]:
    """Return the scores of the test images by a fit of n parts, and the seconds of that fit."""
    parts, bundle, out = f"{name}-parts", f"{name}.defectory", f"{name}-scores"
    told = ("--detector", detector, "--no-cache", "--quiet")
    fit = ("fit", f"{name}/fit.csv")
    commands = [(*fit, "--shard", f"{i}/{n}", "-o", parts, *told) for i in range(n)]
    seconds = place.run_all([*commands, (*fit, "--from-parts", parts, "-o", bundle, *told)], 1)
    place.run("score", bundle, f"{name}/test.csv", "-o", out, "--format", "csv", "--quiet")
    with (place.folder / out / "scores.csv").open(newline="", encoding="utf-8-sig") as file:
        scores = {row["image"]: float(row["score"]) for row in csv.DictReader(file)}
    for made in (parts, out):
        shutil.rmtree(place.folder / made)
    (place.folder / bundle).unlink()
    return scores, seconds


def _difference(one: Scores, other: Scores) -> float:
    """Return the largest difference of the scores of an image, relative as the module says."""
    spread = pstdev(one.values())
    return max(
        abs(one[name] - other[name]) / max(abs(one[name]), abs(other[name]), spread) for name in one
    )


def _write_lists(name: str, folder: Path, n_images: int | None) -> tuple[int, int]:
    """Write lists of what to fit on and what to test on; return how many images they name."""
    from benchmarks.suite_cases import material_of
    from defectory.domain import Label

    material = material_of(name, n_images)
    folder.mkdir()
    fitted, tested = material.good.samples, material.test.samples
    words = {Label.NORMAL: "normal", Label.ANOMALOUS: "anomalous"}
    for file_name, samples, label in (
        ("fit.csv", fitted, "normal"),
        ("test.csv", tested, None),
    ):
        with (folder / file_name).open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["path", "label"])
            rows.writerows([sample.path, label or words[sample.label]] for sample in samples)
    return len(fitted), len(tested)


def _fingerprints(sets: Sequence[str]) -> str:
    from benchmarks.suite_cases import material_of

    return " ".join(material_of(name).fingerprint for name in sets)


def _auroc(folder: Path, scores: Scores) -> float:
    from defectory.metrics import auroc

    with (folder / "test.csv").open(newline="") as file:
        truth = {row["path"]: row["label"] == "anomalous" for row in csv.DictReader(file)}
    found = [scores[path] for path in truth]
    return auroc(found, list(truth.values()))
