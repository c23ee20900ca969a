"""Networks of torch -> ONNX for images of any size, on a small one that is built as transformers are."""

import numpy as np
import pytest
import torch
from torch.nn.functional import interpolate

from defectory.backbones import Backbone, Stage, View, WeightCard
from defectory.backbones.timm_export import export_features


class Patches(torch.nn.Module):
    """Patch tokens with position embeddings interpolated as timm does, which has antialiasing; two stages."""

    def __init__(self, patch_px, antialias):
        super().__init__()
        torch.manual_seed(0)
        self.antialias = antialias
        self.patches = torch.nn.Conv2d(3, 5, patch_px, patch_px)
        self.positions = torch.nn.Parameter(torch.randn(1, 5, 6, 6))

    def forward(self, pixels):
        tokens = self.patches(pixels)
        positions = interpolate(
            self.positions, tokens.shape[2:], mode="bicubic", antialias=self.antialias
        )
        return [tokens, tokens + positions]


def card_of(stride_px, n_channels=5):
    stages = tuple(Stage(f"stage{i}", stride_px, n_channels) for i in range(2))
    return WeightCard("timm:x", "test", "none", (100.0,) * 3, (0.02,) * 3, 224, stages, "0" * 64)


@pytest.mark.parametrize("shape", [(32, 96), (128, 64)])
@pytest.mark.parametrize(("patch_px", "stride_px"), [(14, 16), (16, 16), (8, 8)])
def test_a_patch_is_a_cell_and_positions_follow_the_size(patch_px, stride_px, shape):
    card = card_of(stride_px)
    model = export_features(Patches(patch_px, antialias=True), card, patch_px=patch_px)
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    found = Backbone(model, card, ["stage0", "stage1"]).run(
        image, View(32, even_exposure=False, shape_px=shape)
    )
    pixels = (torch.from_numpy(image).permute(2, 0, 1)[None].float() - 100) * 0.02
    shown = interpolate(pixels, [side * patch_px // stride_px for side in shape], mode="bilinear")
    with torch.no_grad():
        expected = Patches(patch_px, antialias=False)(shown)
    for name, truth in zip(found, expected, strict=True):
        np.testing.assert_allclose(found[name], truth[0].permute(1, 2, 0), rtol=0, atol=1e-4)


def test_a_stage_of_another_shape_than_the_card_says_is_refused():
    with pytest.raises(ValueError, match=r"stage0 has shape .*, not \(1, 6, "):
        export_features(Patches(16, antialias=False), card_of(16, n_channels=6), patch_px=16)
