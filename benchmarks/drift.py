"""The alarm on real drift: ball screws in time order, which soil; and the promise after recalibration.

Fitted on the good images of the first 30 moments, at 15 places that are pictured again and again: future
images show the same places, so that each counts by itself. Good images of later moments pass in the order of
time. Where the alarm rings, the next 60 good images recalibrate the threshold, and those after them are
counted.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.datasets import of_label
from benchmarks.suite_cases import material_of
from defectory.api.model import Model
from defectory.backbones.feature_cache import FeatureCache
from defectory.detectors import find_detector
from defectory.domain import Label
from defectory.sources.grouping import NONE
from defectory.workflows.fitting.fit import fit_dataset
from defectory.workflows.fitting.options import FitOptions

DETECTORS = ("auto", "gaussian", "patch-memory")
# 59 good images can promise it.
RATE = 0.05
_N_FRESH = 60


def on_ball_screws(cache: Path, n_images: int | None) -> Iterator[tuple[dict[str, Any], str, str]]:
    """Yield what came of each detector, JSON-ready, the data's fingerprint and the weight card's id."""
    material = material_of("ball-screw", n_images)
    train = replace(
        material.good, samples=tuple(replace(s, split="train") for s in material.good.samples)
    )
    later = sorted(of_label(material.test, Label.NORMAL).samples, key=lambda s: s.path.name)
    # names begin with the time
    paths = [sample.path for sample in later]
    for name in DETECTORS:
        make: Any = find_detector(name)
        options = FitOptions(
            detector=make(cache=FeatureCache(cache)), false_reject_rate=RATE, group_by=NONE
        )
        model = Model(fit_dataset(train, options).model)
        found = _watch(model, paths)
        yield {"part": "drift", "rule": name, **found}, material.fingerprint, model.facts["weights"]


def _watch(model: Model, paths: list[Path]) -> dict[str, Any]:
    scores = model.decision_function(paths)
    is_rejected = scores > model.threshold.value
    alarm = model.alarm()
    for score in scores:
        alarm.update(np.array([score]))
        if alarm.is_ringing:
            break
    found: dict[str, Any] = {
        "n_good": len(paths),
        "rang_at": alarm.rang_at,
        "rejected": float(is_rejected.mean()),
    }
    start = (alarm.rang_at or len(paths)) + _N_FRESH
    if start < len(paths):
        renewed = model.recalibrate(paths[start - _N_FRESH : start])
        found |= {
            "rejected_before_it_rang": float(is_rejected[: alarm.rang_at].mean()),
            "n_after": len(paths) - start,
            "rejected_after": float(is_rejected[start:].mean()),
            "rejected_recalibrated": float((scores[start:] > renewed.threshold.value).mean()),
        }
    return found
