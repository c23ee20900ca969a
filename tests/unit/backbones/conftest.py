import numpy as np
import pytest

from defectory.backbones import Backbone
from defectory.backbones.efficientnet_lite import convert_lite0
from defectory.backbones.weights import cut_to_stages
from defectory.domain import ArrayImages


@pytest.fixture(scope="session")
def converted():
    return convert_lite0()


@pytest.fixture(scope="session")
def make_backbone(converted):
    """A function from stages and keywords to a Backbone; each network is cut once."""
    model, card = converted
    cuts = {}

    def make(stages=("block2", "block4"), **keywords):
        if stages not in cuts:
            cuts[stages] = cut_to_stages(model, stages)
        return Backbone(cuts[stages], card, stages, **keywords)

    return make


@pytest.fixture
def images():
    rng = np.random.default_rng(0)
    shapes = [(40, 60), (64, 64), (31, 90), (100, 20), (64, 64)]
    return ArrayImages([rng.integers(0, 256, (*shape, 3), dtype=np.uint8) for shape in shapes])
