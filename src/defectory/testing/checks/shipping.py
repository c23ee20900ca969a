"""What a bundle must keep."""

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from defectory.artifacts import load_bundle, save_bundle
from defectory.backbones.onnxruntime_sessions import OnnxRuntimeSession
from defectory.detectors import Detector
from defectory.domain import ArrayImages, ExportError
from defectory.testing.assertions import assert_same_scores
from defectory.testing.bundles import bundle_of
from defectory.testing.pictures import defective, mixed, products
from defectory.testing.subjects import DetectorSubject

# Runtimes sum in another order.
_GRAPH_TOLERANCE = 1e-4


def check_a_saved_bundle_scores_the_same(subject: DetectorSubject) -> None:
    """A bundle scores to the last bit as what was saved, and saved again gives the same bytes."""
    _assert_survives(subject, subject.fitted)


def check_a_bundle_with_tiles_scores_the_same(subject: DetectorSubject) -> None:
    """So does a bundle whose images are read in tiles."""
    if "n_tiles" not in subject.parameters:
        pytest.skip("has no tiles")
    _assert_survives(subject, subject.tiled)


def check_its_graph_scores_the_same(subject: DetectorSubject) -> None:
    """Exported as one graph and run by ONNX Runtime alone, it gives the same scores and maps."""
    _assert_graph_agrees(subject.fitted)


def check_its_graph_of_tiles_scores_the_same(subject: DetectorSubject) -> None:
    """So does the graph of a detector that reads images in tiles."""
    if "n_tiles" not in subject.parameters:
        pytest.skip("has no tiles")
    _assert_graph_agrees(subject.tiled)


def _assert_graph_agrees(detector: Detector) -> None:
    pytest.importorskip("spox", reason="needs the extra `export`")
    try:
        graph = detector.to_onnx()
    except ExportError as error:
        pytest.skip(str(error))
    source = ArrayImages(products(2, seed=1) + defective() + mixed())
    wanted = detector.score(source)
    session = OnnxRuntimeSession(graph, "cpu", None)
    images = source.read(range(len(source)))
    found = [session.run({"image": image}) for image in images]
    for (score, *heats), wanted_score in zip(found, wanted.image_scores, strict=True):
        assert len(heats) == (wanted.anomaly_maps is not None)
        assert score.shape == ()
        assert abs(score - wanted_score) <= _GRAPH_TOLERANCE * max(1.0, abs(wanted_score))
    if wanted.anomaly_maps is None:
        return
    for (_, heat), wanted_heat in zip(found, wanted.anomaly_maps, strict=True):
        assert heat.shape == wanted_heat.shape
        assert np.abs(heat - wanted_heat).max() <= _GRAPH_TOLERANCE * np.abs(wanted_heat).max()


def _assert_survives(subject: DetectorSubject, detector: Detector) -> None:
    with tempfile.TemporaryDirectory() as folder:
        first, second = Path(folder, "a.defectory"), Path(folder, "b.defectory")
        bundle = bundle_of(detector)
        save_bundle(bundle, first)
        loaded = load_bundle(first).detector
        assert type(loaded) is subject.detector_class
        assert loaded.config() == detector.config()
        images = ArrayImages(products(2, seed=1) + defective() + mixed())
        assert_same_scores(loaded.score(images), detector.score(images))
        save_bundle(replace(bundle, detector=loaded), second)
        assert first.read_bytes() == second.read_bytes()
