"""Providers: which there are, when they are in force, and that they read the same features."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import onnx
import pytest

from defectory.backbones import View, openvino_sessions
from defectory.backbones.cache_keys import runtime_versions
from defectory.backbones.memory_estimates import library_bytes
from defectory.backbones.onnxruntime_sessions import LEAST_MODEL, why_no_gpu
from defectory.backbones.providers import find_provider, provider_in_force, running_on
from defectory.domain import ArrayImages, MissingExtraError, ParameterError

VIEW = View(64)
# Of the largest value of a stage: float32 throughout, added up in another order.
RELATIVE = 1e-5
OTHERS = (
    "openvino",
    pytest.param("cuda", marks=pytest.mark.skipif(bool(why_no_gpu()), reason=why_no_gpu())),
)


@pytest.fixture(scope="module")
def usual(make_backbone):
    return make_backbone()


@pytest.fixture(scope="module", params=OTHERS)
def other(request, make_backbone):
    with running_on(request.param):
        backbone = make_backbone()
    assert backbone.provider == request.param
    return backbone


def test_it_is_in_force_while_its_context_lasts():
    assert provider_in_force() == "cpu"
    with running_on("openvino"):
        with running_on("cpu"):
            assert provider_in_force() == "cpu"
        assert provider_in_force() == "openvino"
    assert provider_in_force() == "cpu"


def test_a_name_that_is_none_is_refused():
    with (
        pytest.raises(ParameterError, match="no provider is named 'gpu'; there are cpu, openvino"),
        running_on("gpu"),
    ):
        pass


def test_the_extra_that_is_missing_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "openvino", None)
    with (
        pytest.raises(MissingExtraError, match=r'pip install "defectory\[openvino\]"'),
        running_on("openvino"),
    ):
        pass


@pytest.mark.skipif(not why_no_gpu(), reason="there is a GPU")
def test_cuda_is_refused_where_it_is_not_there():
    with pytest.raises(ParameterError, match="the provider cuda is not there: "):
        find_provider("cuda")
    assert find_provider("auto") == "cpu"


def test_the_model_that_gpus_are_tried_with_is_a_model():
    onnx.checker.check_model(onnx.load_from_string(LEAST_MODEL), full_check=True)


def test_features_are_the_same_but_for_rounding(usual, other, images):
    for one, two in zip(usual.extract(images, VIEW), other.extract(images, VIEW), strict=True):
        assert list(one) == list(two)
        for stage, features in one.items():
            assert two[stage].dtype == np.float32
            np.testing.assert_allclose(
                two[stage], features, rtol=0, atol=RELATIVE * np.abs(features).max()
            )


def test_no_bit_hangs_on_company(other, monkeypatch):
    """Neither on threads, nor on sizes in between, nor on being compiled anew."""
    monkeypatch.setattr(openvino_sessions, "_MOST_SIZES", 2)
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 256, (64, 64, 3), dtype=np.uint8) for _ in range(6)]
    alone = [other.run(picture, VIEW) for picture in pictures]
    wider = ArrayImages(pictures[:2])
    with ThreadPoolExecutor(3) as pool:
        strips = [View(shape_px=shape) for shape in ((64, 96), (96, 64))]
        done = [pool.submit(list, other.extract(wider, view)) for view in strips]
        together = list(other.extract(ArrayImages(pictures[::-1]), VIEW))[::-1]
        assert all(len(each.result()) == 2 for each in done)
    for one, two in zip(alone, together, strict=True):
        for stage, features in one.items():
            assert np.array_equal(features, two[stage])


def test_cached_features_are_those_of_their_runtime():
    names = [runtime_versions(provider) for provider in ("cpu", "openvino", "cuda")]
    assert len(set(names)) == 3
    assert "openvino 20" in names[1]
    assert "onnxruntime" not in names[1]


def test_memory_is_estimated_with_the_library(monkeypatch):
    plain = library_bytes()
    with running_on("openvino"):
        assert library_bytes() > plain


OPENING = """
import sys
from defectory.backbones.openvino_sessions import import_openvino
import_openvino().Core()
assert "openvino_telemetry" not in sys.modules
"""


def test_it_reports_nothing_and_leaves_nothing_at_home(tmp_path):
    """OpenVINO's import would put an id there, and report under it over the network."""
    environment = {k: v for k, v in os.environ.items() if k != "CI"}  # where it would not
    environment["HOME"] = str(tmp_path)
    subprocess.run([sys.executable, "-c", OPENING], check=True, timeout=60, env=environment)
    assert not list(tmp_path.iterdir())
