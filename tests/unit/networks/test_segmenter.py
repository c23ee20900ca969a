import numpy as np
import pytest
import torch

from defectory.domain import ParameterError
from defectory.networks.attention import CoordinateAttention, spatial_attention
from defectory.networks.encoder import ScratchEncoder
from defectory.networks.feature_memory import GRANULARITIES, FeatureMemory
from defectory.networks.losses import image_loss, segmentation_loss
from defectory.networks.segmentation import HeadConfig, SegmentationHead
from defectory.networks.segmenter import Segmenter, Whitening

CHANNELS = (4, 6, 8)
SIDES = (8, 4, 2)


def levels(n, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [
        torch.randn(n, c, s, s, generator=generator) for c, s in zip(CHANNELS, SIDES, strict=True)
    ]


def memory(granularity, n=5):
    items = levels(n, seed=1)
    if granularity == "patch":
        items = [item.permute(0, 2, 3, 1).flatten(0, 2) for item in items]
    owners = [torch.arange(len(item)) % n for item in items]
    return FeatureMemory(items, granularity, owners)


def nearest_by_loops(features, granularity):
    """DI* cell by cell, in the slowest and most obvious way."""
    items = levels(5, seed=1)
    total = torch.zeros(len(features[0]), 5)
    for level, item in zip(features, items, strict=True):
        total += (level[:, None] - item[None]).square().sum(dim=(2, 3, 4))
    found = []
    for level, item in zip(features, items, strict=True):
        difference = torch.empty_like(level)
        for i, y, x in np.ndindex(len(level), *level.shape[2:]):
            here = level[i, :, y, x]
            if granularity == "image":
                candidates = item[total[i].argmin()][None, :, y, x]
            elif granularity == "position":
                candidates = item[:, :, y, x]
            else:
                candidates = item.permute(0, 2, 3, 1).flatten(0, 2)
            squares = (here - candidates).square()
            difference[i, :, y, x] = squares[squares.sum(dim=1).argmin()]
        found.append(difference)
    return found


@pytest.mark.parametrize("granularity", GRANULARITIES)
def test_differences_are_those_to_the_nearest_item(granularity):
    features = levels(3, seed=2)
    found = memory(granularity)(features)
    for level, expected in zip(found, nearest_by_loops(features, granularity), strict=True):
        torch.testing.assert_close(level, expected)


@pytest.mark.parametrize("granularity", GRANULARITIES)
def test_an_image_of_the_memory_is_not_compared_with_itself(granularity):
    features = [item[:2] for item in levels(5, seed=1)]
    assert all(float(level.sum()) == 0 for level in memory(granularity)(features))
    left_out = memory(granularity)(features, torch.tensor([0, -1]))
    assert all(float(level[0].sum()) > 0 for level in left_out)
    assert all(float(level[1].sum()) == 0 for level in left_out)


def test_differences_pass_a_gradient_to_the_features_but_none_to_the_memory():
    features = [level.requires_grad_() for level in levels(2, seed=3)]
    held = memory("image")
    sum(level.sum() for level in held(features)).backward()
    assert all(level.grad.abs().sum() > 0 for level in features)
    assert not list(held.parameters())


def test_the_memory_can_be_renewed_but_not_its_patches():
    held = memory("position")
    held.replace(levels(5, seed=9))
    assert float(held([item[:1] for item in levels(5, seed=9)])[0].sum()) == 0
    with pytest.raises(ParameterError, match="cannot be refreshed"):
        memory("patch").replace(levels(5))
    with pytest.raises(ParameterError, match="'cell'"):
        FeatureMemory(levels(2), "cell", [torch.arange(2)] * 3)


def test_spatial_attention_multiplies_from_coarse_to_fine():
    differences = [
        torch.full((1, c, s, s), v)
        for c, s, v in zip(CHANNELS, SIDES, (2.0, 3.0, 5.0), strict=True)
    ]
    maps = spatial_attention(differences)
    assert [tuple(m.shape) for m in maps] == [(1, 1, s, s) for s in SIDES]
    assert [float(m.mean()) for m in maps] == pytest.approx([30.0, 15.0, 5.0])


def test_coordinate_attention_keeps_the_shape_and_tells_places_apart():
    torch.manual_seed(0)
    features = torch.ones(1, 16, 4, 6)
    features[0, :, 1, 2] = 5
    weighted = CoordinateAttention(16)(features) / features
    assert weighted.shape == features.shape
    assert not torch.allclose(weighted[:, :, 0, 0], weighted[:, :, 1, 2])


def head(**settings):
    torch.manual_seed(0)
    return SegmentationHead(HeadConfig(CHANNELS, width=0.25, **settings))


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"use_fusion": False},
        {"use_coordinate_attention": True},
        {"use_spatial_attention": False},
    ],
)
def test_a_head_gives_a_map_and_a_logit_an_image_whatever_the_company(settings):
    network = head(**settings).eval()
    features, differences = levels(3), [level.square() for level in levels(3, seed=4)]
    logits, image_logits = network(features, differences)
    assert logits.shape == (3, 2, 32, 32)
    assert image_logits.shape == (3,)
    alone, _ = network([f[1:2] for f in features], [d[1:2] for d in differences])
    torch.testing.assert_close(alone[0], logits[1], rtol=1e-4, atol=1e-5)


def test_whitening_subtracts_the_mean_and_projects():
    feature = torch.randn(2, 3, 2, 2)
    mean, projection = torch.tensor([1.0, 2.0, 3.0]), torch.randn(3, 3)
    (white,) = Whitening([mean], [projection])([feature])
    expected = (feature[1, :, 0, 1] - mean) @ projection
    torch.testing.assert_close(white[1, :, 0, 1], expected)


def test_the_segmenter_puts_the_parts_together():
    network = Segmenter(
        Whitening([torch.zeros(c) for c in CHANNELS], [torch.eye(c) for c in CHANNELS]),
        memory("position"),
        HeadConfig(CHANNELS, width=0.25),
        scales=(4.0, 4.0, 4.0),
    ).eval()
    features = levels(2, seed=5)
    logits, image_logits = network(*features)
    expected, expected_image = network.head(features, [d / 4 for d in network.memory(features)])
    torch.testing.assert_close(logits, expected[:, 1] - expected[:, 0])
    torch.testing.assert_close(image_logits, expected_image)


def test_the_scratch_encoder_gives_the_papers_levels():
    found = ScratchEncoder()(torch.zeros(1, 64, 64, 3, dtype=torch.uint8))
    assert [tuple(level.shape) for level in found] == [
        (1, 64, 16, 16),
        (1, 128, 8, 8),
        (1, 256, 4, 4),
    ]
    assert ScratchEncoder(width=0.25).n_channels == (16, 32, 64)


def test_segmentation_loss_is_that_of_the_papers():
    logits, masks = torch.randn(2, 4, 4), torch.rand(2, 4, 4) > 0.5
    p = logits.sigmoid()
    right = torch.where(masks, p, 1 - p)
    expected = (
        0.6 * (p - masks.float()).abs().mean() + 0.4 * ((1 - right) ** 4 * -right.log()).mean()
    )
    torch.testing.assert_close(segmentation_loss(logits, masks), expected)


def test_image_loss_leaves_out_what_nobody_knows():
    logits = torch.tensor([2.0, -1.0, 100.0])
    known = image_loss(logits[:2], torch.tensor([1, 0]))
    torch.testing.assert_close(image_loss(logits, torch.tensor([1, 0, -1])), known)
    assert float(image_loss(logits, torch.tensor([-1, -1, -1]))) == 0
