"""Backbones by name: converted once a machine, healed when the disk damages them, cut to size."""

import json
import sys

import numpy as np
import onnx
import pytest

from defectory.backbones import View, efficientnet_lite, timm_models
from defectory.backbones.weights import cut_to_stages, load_backbone
from defectory.domain import MissingExtraError, ParameterError

IMAGE = np.random.default_rng(0).integers(0, 256, (50, 70, 3), dtype=np.uint8)
VIEW = View(64)


class Conversions:
    """Stands in for the conversion, which takes a second, and counts how often it is asked for."""

    def __init__(self, converted):
        self.converted = converted
        self.n = 0

    def __call__(self):
        self.n += 1
        return self.converted


@pytest.fixture
def conversions(converted, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    counted = Conversions(converted)
    monkeypatch.setattr(efficientnet_lite, "convert_lite0", counted)
    return counted


@pytest.fixture
def cached(conversions, tmp_path):
    """The two files a first load leaves under XDG_CACHE_HOME, and nowhere else."""
    load_backbone()
    (onnx_path,) = tmp_path.glob("defectory/backbones/*.onnx")
    (card_path,) = tmp_path.glob("defectory/backbones/*.json")
    assert sum(path.is_file() for path in tmp_path.rglob("*")) == 2  # no .part left either
    return onnx_path, card_path


def test_the_second_load_reads_what_the_first_one_stored(conversions, cached):
    again = load_backbone()
    assert conversions.n == 1
    assert again.card == conversions.converted[1]
    assert [stage.name for stage in again.stages] == ["block7", "block10"]


def _truncate(onnx_path, card_path):
    onnx_path.write_bytes(onnx_path.read_bytes()[:-1000])


def _flip(onnx_path, card_path):
    content = bytearray(onnx_path.read_bytes())
    content[len(content) // 2] ^= 1  # inside a weight: it would load, and be wrong
    onnx_path.write_bytes(content)


def _empty(onnx_path, card_path):
    onnx_path.write_bytes(b"")


def _remove_card(onnx_path, card_path):
    card_path.unlink()


def _spoil_card(onnx_path, card_path):
    card_path.write_text("{")


def _spoil_card_encoding(onnx_path, card_path):
    card_path.write_bytes(b"\xff\xfe\xff")


def _replace_card(onnx_path, card_path):
    card_path.write_text(json.dumps([1]))


def _lack_a_field(onnx_path, card_path):
    described = json.loads(card_path.read_text())
    del described["stages"]
    card_path.write_text(json.dumps(described))


@pytest.mark.parametrize(
    "damage",
    [
        _truncate, _flip, _empty, _remove_card, _spoil_card, _spoil_card_encoding, _replace_card,
        _lack_a_field,
    ],
)  # fmt: skip
def test_a_damaged_conversion_is_replaced(conversions, cached, damage):
    expected = load_backbone().run(IMAGE, VIEW)
    damage(*cached)
    healed = load_backbone().run(IMAGE, VIEW)
    assert conversions.n == 2
    for name, array in expected.items():
        np.testing.assert_array_equal(healed[name], array)
    load_backbone()
    assert conversions.n == 2, "the replacement was stored"


def test_a_cache_that_cannot_be_written_costs_only_time(conversions, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("no folder can be made under a file")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    load_backbone()
    load_backbone()
    assert conversions.n == 2


def test_a_name_cannot_lead_out_of_the_cache(conversions, tmp_path, monkeypatch):
    monkeypatch.setattr(timm_models, "convert_timm", lambda name: conversions())
    load_backbone("timm:../../../escaped/x")
    assert {path.parent for path in tmp_path.rglob("*.onnx")} == {tmp_path / "defectory/backbones"}
    assert not list(tmp_path.parent.glob("escaped*"))


def test_unknown_names_are_refused_with_what_there_is(conversions):
    with pytest.raises(
        ParameterError, match=r"'resnet'; there is efficientnet-lite0, and timm:NAME"
    ):
        load_backbone("resnet")
    with pytest.raises(ParameterError, match=r"no stage 'block16'; it has block0, block1"):
        load_backbone(stages=("block3", "block16"))


def test_cutting_drops_what_the_stages_do_not_need(converted):
    whole, _ = converted
    cut = cut_to_stages(whole, ["block4", "block2"])
    graph = onnx.load_from_string(cut).graph
    onnx.checker.check_model(onnx.load_from_string(cut), full_check=True)
    assert [output.name for output in graph.output] == ["block4", "block2"]
    used = {name for node in graph.node for name in node.input}
    assert {tensor.name for tensor in graph.initializer} <= used
    assert not [node.name for node in graph.node if node.output[0].startswith("block5")]
    assert len(cut) < len(whole) / 20


def test_a_cut_network_gives_what_the_whole_one_gives(converted, make_backbone):
    every = tuple(stage.name for stage in converted[1].stages)
    whole = make_backbone(every).run(IMAGE, VIEW)
    cut = make_backbone(("block4", "block2")).run(IMAGE, VIEW)
    assert list(cut) == ["block4", "block2"]
    for name in cut:
        np.testing.assert_allclose(cut[name], whole[name], rtol=0, atol=1e-5)


def test_cutting_without_onnx_names_the_install_command(converted, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingExtraError, match=r'pip install "defectory\[train\]"'):
        cut_to_stages(converted[0], ["block2"])
