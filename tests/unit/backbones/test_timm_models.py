"""timm networks behind our interface; what needs timm itself skips where it is missing."""

import importlib.util

import numpy as np
import pytest

from defectory.backbones import Backbone, View
from defectory.backbones.timm_models import convert_timm
from defectory.backbones.weights import load_backbone
from defectory.domain import MissingExtraError, ParameterError

HAS_TIMM = importlib.util.find_spec("timm") is not None
needs_timm = pytest.mark.skipif(not HAS_TIMM, reason='timm is not installed (extra "timm")')


@pytest.mark.skipif(HAS_TIMM, reason="timm is installed, so nothing is missing")
@pytest.mark.parametrize("start", [convert_timm, lambda name: load_backbone(f"timm:{name}")])
def test_without_timm_one_error_names_the_install_command(start, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(MissingExtraError, match=r'timm:resnet18.*pip install "defectory\[timm\]"'):
        start("resnet18")


@needs_timm
@pytest.mark.parametrize("side_px", [128, 224])
def test_features_are_those_of_timm_at_any_size(side_px):
    import timm
    import torch

    torch.manual_seed(0)
    model, card = convert_timm("resnet18", pretrained=False)
    torch.manual_seed(0)
    network = timm.create_model("resnet18", pretrained=False, features_only=True).eval()
    image = np.random.default_rng(0).integers(0, 256, (side_px, side_px, 3), dtype=np.uint8)
    mean, std = (torch.tensor(network.pretrained_cfg[k]).view(1, 3, 1, 1) for k in ("mean", "std"))
    with torch.inference_mode():
        expected = network((torch.from_numpy(image).permute(2, 0, 1)[None] / 255 - mean) / std)
    backbone = Backbone(model, card, [stage.name for stage in card.stages])
    features = backbone.run(image, View(side_px, even_exposure=False))
    for stage, truth in zip(card.stages, expected, strict=True):
        found = features[stage.name]
        assert found.shape == (*[side_px // stage.stride_px] * 2, stage.n_channels)
        np.testing.assert_allclose(found, truth[0].permute(1, 2, 0), rtol=0, atol=1e-4)


@needs_timm
def test_random_weights_are_not_passed_off_as_published_ones():
    _, card = convert_timm("resnet18", pretrained=False)
    assert "random weights" in card.source
    assert card.license == "none"


@needs_timm
@pytest.mark.parametrize("name", ["no_such_model", "vit_tiny_patch16_224"])
def test_unknown_and_fixed_size_networks_are_refused(name):
    with pytest.raises(ParameterError, match=name):
        convert_timm(name, pretrained=False)
