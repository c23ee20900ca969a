"""Detectors ask for EfficientNet-Lite0's stages; a backbone with other names answers by stride."""

from unittest.mock import patch

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from defectory.artifacts import load_bundle, save_bundle
from defectory.backbones import Stage, WeightCard
from defectory.backbones.weights import load_backbone
from defectory.detectors.gaussian import Gaussian
from defectory.detectors.patch_memory import PatchMemory
from defectory.domain import ArrayImages, ParameterError
from defectory.testing.pictures import defective, products
from tests.bundles import bundle_of

STRIDES = (4, 8, 16, 32)
N_CHANNELS = 5


def other_backbone():
    """A small network of random projections, whose stages are called otherwise."""
    rng = np.random.default_rng(0)
    nodes = [
        helper.make_node("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["pixels"], ["planes"], perm=[0, 3, 1, 2]),
    ]
    weights, outputs = [], []
    for i, stride in enumerate(STRIDES):
        kernel = rng.normal(size=(N_CHANNELS, 3, stride, stride)).astype(np.float32) / stride**2
        weights.append(numpy_helper.from_array(kernel, f"kernel{i}"))
        nodes.append(
            helper.make_node(
                "Conv", ["planes", f"kernel{i}"], [f"stage{i}"], strides=[stride, stride]
            )
        )
        shape = ["n", N_CHANNELS, None, None]
        outputs.append(helper.make_tensor_value_info(f"stage{i}", TensorProto.FLOAT, shape))
    image = helper.make_tensor_value_info("image", TensorProto.UINT8, ["n", None, None, 3])
    graph = helper.make_graph(nodes, "other", [image], outputs, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    card = WeightCard(
        name="timm:other", source="test", license="none", mean=(0,) * 3, scale=(1,) * 3,
        input_px=64, weights_sha256="0" * 64,
        stages=tuple(Stage(f"stage{i}", s, N_CHANNELS) for i, s in enumerate(STRIDES)),
    )  # fmt: skip
    return model.SerializeToString(), card


@pytest.fixture(autouse=True)
def _other(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with patch("defectory.backbones.weights._convert", lambda name: other_backbone()):
        yield


def test_each_name_is_answered_by_the_stage_of_its_stride():
    backbone = load_backbone("timm:other", ("block4", "block10", "block15"))
    assert [(s.name, s.stride_px) for s in backbone.stages] == [
        ("block4", 8), ("block10", 16), ("block15", 32),
    ]  # fmt: skip
    own = load_backbone("timm:other", ("stage1", "stage2", "stage3"))
    from defectory.backbones import View

    image = products(1)[0]
    found, expected = backbone.run(image, View(64)), own.run(image, View(64))
    for name, source in (("block4", "stage1"), ("block10", "stage2"), ("block15", "stage3")):
        np.testing.assert_array_equal(found[name], expected[source])


def test_a_name_of_neither_is_refused():
    with pytest.raises(ParameterError, match="has no stage 'block99'"):
        load_backbone("timm:other", ("block99",))


@pytest.mark.parametrize("detector", [Gaussian, PatchMemory])
def test_detectors_fit_score_and_ship_with_another_backbone(detector, tmp_path):
    fitted = detector(backbone="timm:other", size_px=64).fit(ArrayImages(products(12)))
    images = ArrayImages(products(4, seed=1) + defective())
    scores = fitted.score(images)
    assert scores.image_scores[4:].mean() > scores.image_scores[:4].mean()
    save_bundle(bundle_of(fitted), tmp_path / "b")
    again = load_bundle(tmp_path / "b").detector.score(images)
    np.testing.assert_array_equal(again.image_scores, scores.image_scores)
