"""Rewrite the golden files after a wanted change: python -m tests.golden.regenerate"""

import importlib
import json
import pkgutil
from pathlib import Path

import numpy as np

import defectory
from defectory.detectors import detector_names, find_detector
from defectory.domain import ArrayImages
from tests.pictures import disc, scratched

FOLDER = Path(__file__).parent
SIZE_PX = 64
# Not those that train: what torch adds up in another order on another machine moves them.
EXACT_DETECTORS = {
    name: find_detector(name)
    for name in detector_names()
    if not find_detector(name).capabilities.needs_torch
}


def api_surface():
    """Return room -> sorted public names."""
    found = {"defectory": sorted(defectory.__all__)}
    for room in pkgutil.iter_modules(defectory.__path__, "defectory."):
        if room.ispkg:
            names = getattr(importlib.import_module(room.name), "__all__", [])
            found[room.name] = sorted(names)
    return found


def scores():
    """Return detector -> scores of three good and three scratched products, and one map."""
    rng = np.random.default_rng(0)
    train = ArrayImages([disc(rng, 96) for _ in range(40)])
    good = [disc(rng, 96) for _ in range(3)]
    test = ArrayImages(good + [scratched(disc(rng, 96), rng)[0] for _ in range(3)])
    return {name: _scores_of(found, train, test) for name, found in EXACT_DETECTORS.items()}


def _scores_of(detector_class, train, test):
    detector = detector_class(size_px=SIZE_PX).fit(train)
    found = detector.score(test)
    named = {
        "held_out_scores": _rounded(detector.held_out_.scores),
        "image_scores": _rounded(found.image_scores),
    }
    if found.anomaly_maps is None:
        return named
    return named | {"last_map": _rounded(found.anomaly_maps[-1][::2, ::2])}


def _rounded(array):
    return [_rounded(row) if isinstance(row, np.ndarray) else float(f"{row:.6g}") for row in array]


GOLDEN = {"api_surface.json": api_surface, "scores.json": scores}


def main():
    for name, make in GOLDEN.items():
        (FOLDER / name).write_text(json.dumps(make(), indent=1) + "\n")


if __name__ == "__main__":
    main()
