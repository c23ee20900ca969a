"""The graph of `prepare_image` gives its pixels, whatever the sizes, in either runtime."""

import numpy as np
import pytest
from spox import Tensor, argument, build

from defectory.backbones import View
from defectory.backbones.onnxruntime_sessions import OnnxRuntimeSession
from defectory.backbones.openvino_sessions import import_openvino
from defectory.backbones.preparation import prepare_image
from defectory.detectors.decision_graphs.preparation import prepare

# Enlarged and shrunk, each way; one pixel; strips, two of them very long.
SIZES = (
    (64, 96), (300, 200), (97, 255), (40, 30), (1, 1), (2000, 9), (64, 500), (20_000, 2), (65_535, 1),
)  # fmt: skip


def _graph(view):
    image = argument(Tensor(np.dtype(np.uint8), (None, None, 3)))
    return build({"image": image}, {"out": prepare(image, view)}).SerializeToString()


def _by_onnxruntime(view):
    session = OnnxRuntimeSession(_graph(view), "cpu", None)
    return lambda image: session.run({"image": image})[0]


def _by_openvino(view):
    core = import_openvino().Core()
    # as `OpenVinoGraph` runs it
    exactly = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = core.compile_model(core.read_model(_graph(view)), "CPU", exactly)
    return lambda image: compiled({"image": image})[0]


def _images():
    rng = np.random.default_rng(0)
    for height, width in SIZES:
        yield rng.integers(0, 256, (height, width, 3), np.uint8)
        yield np.full((height, width, 3), height % 256, np.uint8)


@pytest.mark.parametrize("run_in", [_by_onnxruntime, _by_openvino])
@pytest.mark.parametrize(("shape_px", "even_exposure"), [((64, 96), True), ((96, 64), False)])
def test_pixels_are_the_same_to_the_bit(shape_px, even_exposure, run_in):
    run = run_in(View(64, shape_px=shape_px, even_exposure=even_exposure))
    for image in _images():
        wanted = prepare_image(image, shape_px, even_exposure=even_exposure)
        np.testing.assert_array_equal(run(image), wanted)


@pytest.mark.parametrize(("noise", "even_exposure"), [(3.0, False), (14.0, True), (200.0, False)])
def test_noise_is_taken_off_alike(noise, even_exposure):
    run = _by_onnxruntime(View(64, shape_px=(64, 96), even_exposure=even_exposure, noise=noise))
    for image in _images():
        wanted = prepare_image(image, (64, 96), even_exposure=even_exposure, noise=noise)
        away = np.abs(run(image).astype(int) - wanted)
        # sums in another order: a pixel in a thousand may be rounded the other way
        assert away.max() <= 1
        assert away.mean() < 2e-3
