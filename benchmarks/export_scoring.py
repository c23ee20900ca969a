"""A process of its own that scores images by a bundle, or by a folder that was exported from one.

    python -m benchmarks.export_scoring BUNDLE|FOLDER IMAGES.json OUT.npz

writes the scores, the maps and images a second, decoding not counted: one image at a time, and of a bundle as
many at once as there are cores, too.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from defectory.domain import ArrayImages
from defectory.domain.images import Image
from defectory.domain.scores import AnomalyMap
from defectory.sources.images import read_image

_N_TIMED = 100
"""Images that are timed, once more after all were scored."""

Run = Callable[[Image], tuple[float, AnomalyMap]]


def main(model: Path, listed: Path, target: Path) -> None:
    paths = [Path(path) for path in json.loads(listed.read_text())]
    timed = [read_image(path) for path in paths[:_N_TIMED]]
    if model.is_dir():
        run, speeds = _exported(model), {}
    else:
        run, speeds = _by_bundle(model, timed)
    found = [run(read_image(path)) for path in paths]
    one_at_a_time = _per_second(lambda: [run(image) for image in timed], len(timed))
    speeds = {"images_per_s": one_at_a_time, "one_at_a_time_per_s": one_at_a_time, **speeds}
    np.savez(
        target,
        scores=np.array([score for score, _ in found], np.float32),
        **{f"map{i}": heat for i, (_, heat) in enumerate(found)},
        **{name: np.array(value) for name, value in speeds.items()},
    )


def _exported(folder: Path) -> Run:
    from defectory.artifacts.exported import read_decision
    from defectory.workflows.exporting.runtimes import open_graph

    graph = open_graph(folder, read_decision(folder).runtime)

    def run(image: Image) -> tuple[float, AnomalyMap]:
        score, heat = graph.run(image)
        assert heat is not None
        return score, heat

    return run


def _by_bundle(bundle: Path, timed: list[Image]) -> tuple[Run, dict[str, float]]:
    from defectory.workflows.calibrated import load_calibrated

    detector = load_calibrated(bundle).bundle.detector

    def run(image: Image) -> tuple[float, AnomalyMap]:
        found = detector.score(ArrayImages([image]))
        assert found.anomaly_maps is not None
        return float(found.image_scores[0]), found.anomaly_maps[0]

    run(timed[0])
    return run, {
        "images_per_s": _per_second(lambda: detector.score(ArrayImages(timed)), len(timed))
    }


def _per_second(work: Callable[[], object], n: int) -> float:
    started = time.perf_counter()
    work()
    return n / (time.perf_counter() - started)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
