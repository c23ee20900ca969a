"""What an exported graph does with the probes, beside what the bundle's own detector said of them."""

import math
import platform
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from defectory import __version__
from defectory.artifacts.checksums import check_sums
from defectory.artifacts.exported import (
    Certificate,
    ExportedDecision,
    Flip,
    ReferenceProbe,
    read_decision,
    read_references,
)
from defectory.domain import ExportError, ImageReadError
from defectory.domain.images import Image
from defectory.domain.scores import AnomalyMap
from defectory.sources.images import read_image
from defectory.workflows.exporting.runtimes import Graph, cpu_flags, open_graph

_TINY = float(np.finfo(np.float32).tiny)


def certify(folder: Path) -> Certificate:
    """Score the probes of an exported folder by its graph, and compare with what the bundle said.

    Raises
    ------
    ExportError : a file is missing or damaged, or the runtime does not take the graph.
    MissingExtraError : the runtime is not installed.
    """
    check_sums(folder)
    decision = read_decision(folder)
    probes, maps = read_references(folder)
    images = [_read(folder / probe.file) for probe in probes]
    graph = open_graph(folder, decision.runtime)
    found = [graph.run(image) for image in images]
    return _compare(decision, probes, maps, found, graph.version, _speed(graph, images))


def _compare(
    decision: ExportedDecision,
    probes: tuple[ReferenceProbe, ...],
    maps: Mapping[str, AnomalyMap],
    found: Iterable[tuple[float, AnomalyMap | None]],
    version: str,
    images_per_s: float,
) -> Certificate:
    flips, score_error, is_finite = [], 0.0, True
    map_error = 0.0 if maps else None
    for probe, (score, heat) in zip(probes, found, strict=True):
        outcome = decision.outcome(score)
        is_finite &= math.isfinite(score)
        if outcome != probe.outcome:
            flips.append(Flip(probe.file, probe.outcome, outcome, probe.score, _plain(score)))
        # beside the threshold, since scores of images that were learned from may be about 0
        scale = max(abs(probe.score), abs(decision.threshold), decision.score_spread, _TINY)
        score_error = max(score_error, _plain(abs(score - probe.score) / scale))
        if probe.file in maps:
            least = decision.pixel_threshold or 0.0
            map_error = max(map_error or 0.0, map_difference(maps[probe.file], heat, least))
    tolerance = decision.tolerance
    is_near = tolerance is None or max(score_error, map_error or 0.0) <= tolerance
    return Certificate(
        is_ok=is_finite and not flips and is_near,
        n_probes=len(probes),
        flips=tuple(flips),
        largest_score_error=score_error,
        largest_map_error=map_error,
        tolerance=tolerance,
        images_per_s=images_per_s,
        runtime=version,
        machine=platform.machine(),
        cpu_flags=cpu_flags(),
        defectory_version=__version__,
        date=datetime.now(UTC).replace(microsecond=0),
    )


def map_difference(
    reference: AnomalyMap, found: AnomalyMap | None, pixel_threshold: float
) -> float:
    """Return the largest difference of two maps, relative to the highest value of the first.

    Of a map without defects, where all values are about 0, relative to the value that a defect has.
    """
    if found is None or found.shape != reference.shape:
        return _plain(math.inf)
    difference = float(np.abs(found.astype(np.float64) - reference).max(initial=0))
    highest = float(np.abs(reference).max(initial=0))
    return _plain(difference / max(highest, pixel_threshold, _TINY))


def _plain(value: float) -> float:
    """Return a number that JSON knows: what is none or beyond all is the largest."""
    return value if math.isfinite(value) else float(np.finfo(np.float64).max)


def _speed(graph: Graph, images: list[Image]) -> float:
    """Return images a second, one at a time, where each size has been seen before."""
    started = time.perf_counter()
    for image in images:
        graph.run(image)
    return len(images) / max(time.perf_counter() - started, 1e-9)


def _read(path: Path) -> Image:
    try:
        return read_image(path)
    except ImageReadError as error:
        raise ExportError(str(error)) from error
