"""Detectors ask for EfficientNet-Lite0's stages; a backbone with other names answers by stride."""

from dataclasses import replace
from unittest.mock import patch

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from defectory.artifacts import load_bundle, save_bundle
from defectory.backbones import Backbone, Stage, View, WeightCard
from defectory.backbones.cards import LITE0_STAGES
from defectory.backbones.equivalents import _directions, name_equivalents
from defectory.backbones.weights import load_backbone
from defectory.detectors.gaussian import Gaussian
from defectory.detectors.grids import stack_stages
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
    with patch("defectory.backbones.weights._convert", lambda name, weights: other_backbone()):
        yield


def test_each_name_is_answered_by_the_stage_of_its_stride():
    backbone = load_backbone("timm:other", ("block4", "block10", "block15"))
    assert [(s.name, s.stride_px) for s in backbone.stages] == [
        ("block4", 8), ("block10", 16), ("block15", 32),
    ]  # fmt: skip
    own = load_backbone("timm:other", ("stage1", "stage2", "stage3"))
    image = products(1)[0]
    found, expected = backbone.run(image, View(64)), own.run(image, View(64))
    for name, source in (("block4", "stage1"), ("block10", "stage2"), ("block15", "stage3")):
        np.testing.assert_array_equal(found[name], expected[source])


def backbone_of(*stages):
    """A backbone whose every output is made of the image's, so that it needs no network of its own."""
    nodes, outputs, card_stages = [], [], []
    nodes.append(helper.make_node("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT))
    nodes.append(helper.make_node("Transpose", ["pixels"], ["planes"], perm=[0, 3, 1, 2]))
    weights = []
    for name, stride, n_channels in stages:
        rng = np.random.default_rng(len(weights))
        kernel = rng.normal(size=(n_channels, 3, stride, stride)).astype(np.float32) / stride
        weights.append(numpy_helper.from_array(kernel, f"{name}_kernel"))
        settings = {"strides": [stride, stride]}
        nodes.append(helper.make_node("Conv", ["planes", f"{name}_kernel"], [name], **settings))
        shape = ["n", n_channels, None, None]
        outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
        card_stages.append(Stage(name, stride, n_channels))
    image = helper.make_tensor_value_info("image", TensorProto.UINT8, ["n", None, None, 3])
    graph = helper.make_graph(nodes, "other", [image], outputs, weights)
    opset = [helper.make_opsetid("", 17)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString()
    card = replace(other_backbone()[1], stages=tuple(card_stages))
    model, known = name_equivalents(model, card, tuple(LITE0_STAGES))
    return Backbone(model, replace(card, stages=known), [stage.name for stage in known])


@pytest.mark.parametrize(
    ("stages", "answers"),
    [
        # a transformer: four stages of one stride
        ([(f"stage{i}", 16, 30) for i in range(4)], (0, 1, 1, 2, 3, 3)),
        ([("a", 16, 30), ("b", 16, 30)], (0, 0, 0, 1, 1, 1)),
        # a residual network: one stage a stride
        ([("a", 2, 4), ("b", 4, 5), ("c", 8, 6), ("d", 16, 7), ("e", 32, 8)], (1, 2, 3, 3, 4, 4)),
        ([("a", 8, 5)], (0, 0, 0, 0, 0, 0)),
        ([("a", 32, 5)], (0, 0, 0, 0, 0, 0)),
    ],
)
def test_stages_answer_as_deep_as_fine_and_no_wider(stages, answers):
    """Each is the mean or the interpolation of its source, on orthonormal directions where that is wider."""
    features = backbone_of(*stages).run(products(1)[0], View(128))
    for (name, (stride, most_channels)), place in zip(LITE0_STAGES.items(), answers, strict=True):
        source = features[stages[place][0]]
        side = 128 // stride
        width = min(source.shape[2], most_channels)
        assert features[name].shape == (side, side, width)
        resized = stack_stages({"source": source}, ("source",), side)
        if width == source.shape[2]:
            np.testing.assert_allclose(features[name], resized, rtol=1e-4, atol=1e-3)
            continue
        flat, found = resized.reshape(-1, source.shape[2]), features[name].reshape(-1, width)
        directions, *_ = np.linalg.lstsq(flat, found, rcond=None)
        np.testing.assert_allclose(flat @ directions, found, rtol=0, atol=1e-2)
        assert (np.linalg.norm(found, axis=1) <= np.linalg.norm(flat, axis=1) * 1.001).all()


def test_directions_are_orthonormal_and_the_same_each_time():
    found = _directions(300, 40, seed=1)
    np.testing.assert_allclose(found @ found.T, np.eye(40), atol=1e-6)
    np.testing.assert_array_equal(found, _directions(300, 40, seed=1))
    assert not np.allclose(found, _directions(300, 40, seed=2))


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
