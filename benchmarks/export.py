"""Does an exported bundle decide as the bundle does, how fast, and what does it weigh?

A run fits a detector on a data set (variant `clean`) and exports it in every form: a runtime and a precision.
Each export scores the whole test set in a process of its own, as does the bundle by Python. Compared are raw
scores, maps and decisions; of int8 also what its own threshold does. A form that cannot be exported says why.
"""

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import added_runs
from benchmarks.added_runs import add_each, by_row_and_set, check_names, row_and_set
from benchmarks.evaluation import say
from benchmarks.provenance import provenance
from benchmarks.result_files import Run
from benchmarks.suite_cases import SETS, draw, material_of
from defectory.backbones.feature_cache import FeatureCache
from defectory.detectors import find_detector
from defectory.domain import DefectoryError, Label
from defectory.metrics import auroc
from defectory.sources import Dataset
from defectory.workflows.calibrated import CalibratedDetector
from defectory.workflows.exporting.export import export_model
from defectory.workflows.exporting.options import ExportOptions
from defectory.workflows.fitting.fit import fit_dataset
from defectory.workflows.fitting.options import FitOptions

ROWS: dict[str, tuple[str, dict[str, Any]]] = {
    "auto": ("auto", {}),
    "auto fast": ("auto", {"speed": "fast"}),
    "gaussian": ("gaussian", {}),
    "patch-memory": ("patch-memory", {}),
}
FORMS = {
    f"{runtime} {precision}": (runtime, precision)
    for precision in ("fp32", "fp16", "int8")
    for runtime in ("onnx", "openvino")
}
"""Name -> runtime and precision."""

_BUNDLE_SHA256 = "0" * 64


@dataclass(frozen=True, kw_only=True)
class Told(added_runs.Told):
    """What the command line says."""

    rows: tuple[str, ...]
    sets: tuple[str, ...]
    forms: tuple[str, ...]


def run(told: Told) -> None:
    """Add the runs that are not in the file yet; ToldError before the first where a name is unknown."""
    check_names(
        ("row", told.rows, tuple(ROWS)),
        ("data set", told.sets, SETS),
        ("form", told.forms, tuple(FORMS)),
    )
    for name in told.sets:
        material_of(name)  # missing data are told before the first run
    add_each(told, by_row_and_set(told, told.rows, told.sets), _run_one, row_and_set)


def _run_one(told: Told, row: str, name: str) -> Run:
    case = draw(name, "clean", 0, told.cache, told.n_images)
    detector_name, settings = ROWS[row]
    make: Any = find_detector(detector_name)
    detector = make(seed=0, cache=FeatureCache(told.cache), **settings)
    options = FitOptions(detector=detector, seed=0, use_cache=False)
    model = fit_dataset(case.train, options).model
    with tempfile.TemporaryDirectory() as folder:
        found = _measure(model, case.train, case.test, told.forms, Path(folder))
    for form, figures in found["forms"].items():
        say(f"{row}, {name}, {form}: {figures}")
    facts = provenance(
        data=material_of(name).fingerprint, weights=model.facts.weights, command=told.command
    )
    return {"protocol": "export", "row": row, "data_set": name, "seed": 0, **found, **facts}


def _measure(
    model: CalibratedDetector, train: Dataset, test: Dataset, forms: tuple[str, ...], work: Path
) -> dict[str, Any]:
    bundle = work / "model.defectory"
    model.save(bundle)
    reference = _scored(bundle, test, work / "reference.npz")
    found: dict[str, Any] = {}
    for form in forms:
        runtime, precision = FORMS[form]
        folder = work / form.replace(" ", "-")
        try:
            export = export_model(
                model,
                folder,
                ExportOptions(runtime, precision, accept_flips=True),  # type: ignore[arg-type]
                bundle_sha256=_BUNDLE_SHA256,
                good=train if precision == "int8" else None,
            )
        except DefectoryError as error:
            found[form] = {"error": str(error)}
            continue
        scored = _scored(folder, test, work / f"{folder.name}.npz")
        threshold = json.loads((folder / "decision.json").read_text())["threshold"]
        found[form] = {
            **_compared(model, reference, scored, threshold, test),
            "probe_flips": len(export.certificate.flips),
            "folder_mb": sum(p.stat().st_size for p in folder.rglob("*") if p.is_file()) / 1e6,
            "images_per_s": float(scored["images_per_s"]),
        }
    return {
        "forms": found,
        "n_tested": len(test),
        "bundle_mb": bundle.stat().st_size / 1e6,
        "python_images_per_s": float(reference["images_per_s"]),
        "python_one_at_a_time_per_s": float(reference["one_at_a_time_per_s"]),
        "promise": model.promise.false_reject_rate,
        "basis": model.threshold.basis,
    }


Scored = dict[str, NDArray[Any]]


def _scored(model: Path, test: Dataset, target: Path) -> Scored:
    """Return scores, maps and speed of a bundle or an exported folder, from a process of its own."""
    listed = target.with_suffix(".json")
    listed.write_text(json.dumps([str(sample.path) for sample in test.samples]))
    command = ["-m", "benchmarks.export_scoring", str(model), str(listed), str(target)]
    subprocess.run([sys.executable, *command], check=True)
    with np.load(target) as found:
        return dict(found)


def _compared(
    model: CalibratedDetector, before: Scored, after: Scored, threshold: float, test: Dataset
) -> dict[str, Any]:
    """Return how an export differs from its bundle on a test set."""
    spread = float(np.std(model.good_scores.scores, dtype=np.float64))
    scores, exported = before["scores"].astype(float), after["scores"].astype(float)
    was_rejected, is_rejected = scores > model.threshold.value, exported > threshold
    is_bad = test.labels == Label.ANOMALOUS
    errors = np.abs(exported - scores) / np.maximum(np.abs(scores), max(spread, 1e-30))
    return {
        "largest_score_error": float(errors.max()),
        "largest_map_error": _map_error(before, after, model.pixel_threshold),
        "n_flips": int((was_rejected != is_rejected).sum()),
        "auroc_before": auroc(scores, is_bad),
        "auroc": auroc(exported, is_bad),
        "false_rejects_before": float(was_rejected[~is_bad].mean()),
        "false_rejects": float(is_rejected[~is_bad].mean()),
    }


def _map_error(before: Scored, after: Scored, pixel_threshold: float) -> float:
    largest = 0.0
    for i in range(len(before["scores"])):
        heat, other = before[f"map{i}"].astype(float), after[f"map{i}"].astype(float)
        scale = max(float(np.abs(heat).max()), pixel_threshold)
        largest = max(largest, float(np.abs(heat - other).max()) / scale)
    return largest
