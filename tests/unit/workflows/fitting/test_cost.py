"""What a fit will take is said once, before it begins, where somebody listens."""

import numpy as np
import pytest

from defectory.detectors.auto import Auto
from defectory.detectors.base import FitCost
from defectory.detectors.gaussian import Gaussian
from defectory.sources import read_dataset
from defectory.workflows.fitting.cost import explain_cost
from defectory.workflows.fitting.fit import fit_dataset
from defectory.workflows.fitting.options import FitOptions
from tests.pictures import disc, save


class Heard:
    """Keeps what is said, and which stage came last before it."""

    def __init__(self):
        self.said, self.stages = [], []

    def start(self, stage, total):
        self.stages.append(stage)

    def advance(self, steps=1):
        pass

    def note(self, text):
        pass

    def say(self, text):
        self.said.append((text, list(self.stages)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root, rng = tmp_path_factory.mktemp("cost"), np.random.default_rng(0)
    for i in range(6):
        save(root / "good" / f"{i}.png", disc(rng, 96))
    return read_dataset(root)


def _heard(folder, detector, **settings):
    heard = Heard()
    fit_dataset(folder, FitOptions(detector, use_cache=False, **settings), progress=heard)
    return heard.said


def test_it_is_said_before_anything_is_learned(folder):
    detector = Auto(size_px=64, speed="fast")
    ((line, stages),) = _heard(folder, detector, tell_cost=True)
    assert line.startswith("fitting auto, fast, on 6 images: takes about ")
    assert line.endswith(" images a second")
    assert "learning what is normal" not in stages


@pytest.mark.thorough
def test_it_is_not_said_unless_asked_for(folder):
    assert _heard(folder, Auto(size_px=64)) == []


def test_a_detector_that_cannot_tell_says_nothing(folder):
    assert _heard(folder, Gaussian(size_px=64), tell_cost=True) == []


@pytest.mark.parametrize(
    ("cost", "words"),
    [
        (
            FitCost(22.4, 0.0, 58.7),
            "takes about 22 s, less where features are cached; scoring then does about 59 images a second",
        ),
        (
            FitCost(0.2, 0.0, 140.2),
            "takes about 1 s, less where features are cached; scoring then does about 140 images a second",
        ),
        (
            FitCost(400.0, 130.0, 0.514),
            "takes about 7 min (about 2 min more where defects are found among the unlabeled images), "
            "less where features are cached; scoring then does about 0.51 images a second",
        ),
        (
            FitCost(7200.0, 0.0, 1.0),
            "takes about 2.0 h, less where features are cached; scoring then does about 1 images a second",
        ),
    ],
)
def test_costs_in_words(cost, words):
    assert explain_cost(cost) == words
