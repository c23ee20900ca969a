"""What is exported says the same as the module, for any batch, and says nothing else."""

from unittest.mock import patch

import numpy as np
import onnx
import pytest
import torch

from defectory.backbones.onnxruntime_sessions import OnnxRuntimeSession
from defectory.domain import ParameterError
from defectory.training.export import export_onnx, max_difference


class Small(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.convolution = torch.nn.Conv2d(3, 4, 3, padding=1)
        self.norm = torch.nn.BatchNorm2d(4)
        self.linear = torch.nn.Linear(4, 2)

    def forward(self, images):
        pixels = images.permute(0, 3, 1, 2).to(torch.float32) / 255
        hidden = self.norm(self.convolution(pixels)).relu()
        return hidden, self.linear(hidden.mean(dim=(2, 3)))


def run(model):
    return OnnxRuntimeSession(model, "cpu", None).run


def pictures(n):
    return np.random.default_rng(n).integers(0, 256, (n, 8, 8, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def module():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = Small()
        module(torch.from_numpy(pictures(16)))  # moves the statistics of the norm
    return module


@pytest.fixture(scope="module", params=["traced", "captured"])
def exported(module, request):
    inputs = [torch.from_numpy(pictures(2))]
    if request.param == "traced":
        return export_onnx(module, inputs, ["image"], ["maps", "logits"])
    with patch("defectory.training.export._trace", side_effect=TypeError("no such option")):
        return export_onnx(module, inputs, ["image"], ["maps", "logits"])


@pytest.mark.parametrize("n", [1, 2, 7])
def test_onnx_runtime_agrees_with_torch_for_any_batch(module, exported, n):
    assert module.training
    assert max_difference(module, run(exported), {"image": pictures(n)}) < 1e-5


def test_another_networks_outputs_differ(exported):
    assert max_difference(Small(), run(exported), {"image": pictures(2)}) > 1e-3


def test_names_weights_and_nothing_of_this_machine_are_inside(exported):
    model = onnx.load_from_string(exported)
    onnx.checker.check_model(model, full_check=True)
    assert [value.name for value in model.graph.input] == ["image"]
    assert [value.name for value in model.graph.output] == ["maps", "logits"]
    for value in (*model.graph.input, *model.graph.output):
        assert value.type.tensor_type.shape.dim[0].dim_param
    for trace in (b"location", b".py", b"torch.nn", b"pkg."):
        assert trace not in exported


def test_the_export_is_silent_and_deterministic(module, capfd):
    inputs = [torch.from_numpy(pictures(2))]
    first, again = (export_onnx(module, inputs, ["image"], ["maps", "logits"]) for _ in range(2))
    assert again == first
    assert capfd.readouterr() == ("", "")


def test_what_onnx_cannot_say_is_a_clear_error():
    class Odd(torch.nn.Module):
        def forward(self, x):
            return torch.linalg.eigvals(x[:, None] * x[..., None]).real

    with pytest.raises(ParameterError, match="Odd cannot be exported"):
        export_onnx(Odd(), [torch.ones(2, 2)], ["x"], ["y"])
