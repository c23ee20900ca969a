"""The networks that MCOD trains: shapes, seeds, and a start that changes nothing."""

import pytest
import torch

from defectory.networks.heads import N_EMBEDDING, ProjectionEncoder
from defectory.networks.initialization import build_seeded
from defectory.networks.wide_resnet import ScoringEncoder, WideResNetEncoder


@pytest.mark.parametrize(
    ("width", "grid_side", "n_features"), [(1, 1, 64), (4, 1, 256), (1, 4, 256), (2, 2, 64)]
)
def test_wide_resnet_gives_pooled_features_embedding_and_slots(width, grid_side, n_features):
    network = build_seeded(lambda: WideResNetEncoder(width, 10, grid_side), 0).eval()
    images = torch.zeros(2, 32, 32, 3, dtype=torch.uint8)
    outputs = network(images)
    assert outputs.features.shape == (2, n_features)
    assert outputs.embedding.shape == (2, N_EMBEDDING)
    assert outputs.slots.shape == (2, 10)
    assert torch.allclose(outputs.embedding.norm(dim=1), torch.ones(2))
    features, slots = ScoringEncoder(network)(images)
    assert features.shape == (2, n_features, 1, 1)
    assert torch.equal(slots[:, :, 0, 0], outputs.slots)


def test_features_of_a_grid_know_where():
    network = build_seeded(lambda: WideResNetEncoder(1, 10, 4), 0).eval()
    images = torch.zeros(2, 32, 32, 3, dtype=torch.uint8)
    images[1, :, 28:] = 255
    first, second = network(images).features.reshape(2, 16, 4, 4)
    assert torch.equal(first[:, :, 0], second[:, :, 0])  # the left edge sees nothing of the right
    assert not torch.allclose(first[:, :, 3], second[:, :, 3])


def test_depth_is_ten():
    network = WideResNetEncoder(1, 10)
    deep = [
        m for m in network.modules() if isinstance(m, torch.nn.Conv2d) and m.kernel_size[0] == 3
    ]
    assert len(deep) == 7  # and three shortcuts beside them, as in WideResNet-10


def test_an_image_scores_the_same_in_any_company():
    network = build_seeded(lambda: WideResNetEncoder(1, 10), 0).eval()
    images = torch.randint(0, 256, (4, 32, 32, 3), generator=torch.Generator().manual_seed(0))
    alone, together = network(images[:1]), network(images)
    assert torch.allclose(alone.features, together.features[:1], atol=1e-5)


def test_a_projection_starts_as_the_identity():
    network = build_seeded(lambda: ProjectionEncoder(7, 3), 0)
    vectors = torch.randn(5, 7, generator=torch.Generator().manual_seed(0))
    assert torch.equal(network(vectors).features, vectors)


def test_weights_come_from_the_seed_and_the_global_state_stays():
    before = torch.random.get_rng_state()
    a, b, c = (build_seeded(lambda: ProjectionEncoder(4, 3), seed) for seed in (0, 0, 1))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.equal(a.hidden.weight, b.hidden.weight)
    assert not torch.equal(a.hidden.weight, c.hidden.weight)
