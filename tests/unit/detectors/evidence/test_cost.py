"""What a fit will take is counted from one image read and one compared."""

from dataclasses import replace

import numpy as np
import pytest

from defectory.backbones import View
from defectory.detectors.evidence import cost
from defectory.detectors.evidence.cost import PlannedFit, measure_cost
from defectory.detectors.evidence.normality import Normality
from defectory.domain import ArrayImages
from tests.unit.detectors.evidence.fake_features import SHAPE_PX, features

PLAN = PlannedFit(n_images=1000, is_by_folds=False, is_taught=False, may_refit=True)
FEW = ArrayImages([np.zeros((64, 64, 3), np.uint8)] * 4)
READING_S, COMPARING_S = 0.01, 0.02


class Listed:
    """Gives features as they are listed, each in `READING_S` by a clock that nothing else moves."""

    def __init__(self):
        self.now = 0.0

    def extract(self, images, view, indices=None):
        for found in features(len(images))[: None if indices is None else len(indices)]:
            self.now += READING_S
            yield found


@pytest.fixture
def measured(monkeypatch):
    def measure(plan):
        backbone = Listed()
        monkeypatch.setattr(cost.time, "perf_counter", lambda: backbone.now)
        plain = Normality.measure

        def measure_slowly(self, samples):
            backbone.now += COMPARING_S * len(samples)
            return plain(self, samples)

        with monkeypatch.context() as context:
            context.setattr(Normality, "measure", measure_slowly)
            return measure_cost(backbone, View(64), FEW, Normality(SHAPE_PX), plan)

    return measure


def test_scoring_reads_and_compares(measured):
    assert measured(PLAN).images_a_second == pytest.approx(1 / (READING_S + COMPARING_S))


def test_a_fit_reads_once_and_compares_a_few_times(measured):
    found = measured(PLAN)
    assert found.fit_s == pytest.approx(1000 * READING_S + found.refit_s, abs=5)
    assert 2 * 1000 * COMPARING_S < found.refit_s < 4 * 1000 * COMPARING_S


@pytest.mark.parametrize("change", [{"n_images": 2000}, {"is_by_folds": True}, {"is_taught": True}])
def test_what_there_is_more_to_do_takes_longer(change, measured):
    assert measured(replace(PLAN, **change)).fit_s > measured(PLAN).fit_s + 2


def test_where_nothing_is_fitted_again_that_takes_no_time(measured):
    assert measured(replace(PLAN, may_refit=False)).refit_s == 0
