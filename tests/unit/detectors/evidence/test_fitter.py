"""What a fit decides by itself; whole fits are tested with `auto`."""

from dataclasses import replace

import numpy as np
import pytest

from defectory.detectors.evidence.fitter import FitCandidate, FitSettings
from defectory.domain import Label
from defectory.pseudolabels import Contamination
from tests.unit.detectors.evidence.fake_features import known_of

CODES = np.array([Label.NORMAL] * 3 + [Label.UNLABELED] * 20 + [Label.ANOMALOUS] * 2, np.int8)
SCORES = np.array([90, 1, 2, *range(20), 3, 80], np.float32)
FOUND = FitCandidate(known_of(CODES), None, None, SCORES)


@pytest.mark.parametrize(("n_steps", "in_update"), [(20, 20), (300, 150)])
def test_an_update_learns_in_fewer_steps_on_smaller_batches_and_else_as_a_fit(n_steps, in_update):
    settings = FitSettings(n_steps=n_steps, map_weight=0.5, seed=3)
    patient, quick = settings.trainer(), settings.quick_trainer()
    assert (patient.settings.n_steps, quick.settings.n_steps) == (n_steps, in_update)
    assert quick.settings.batch_size < patient.settings.batch_size
    same = {"n_steps": n_steps, "batch_size": patient.settings.batch_size}
    assert replace(quick.settings, **same) == patient.settings
    assert quick.seed == patient.seed == 3
    assert quick.map_weight == patient.map_weight == 0.5


def test_as_many_of_the_oddest_as_are_surely_anomalous_are_not_presumed_normal():
    found = FOUND.presumed_normal(Contamination(0.3, 0.2, 0.4, True))
    np.testing.assert_array_equal(np.flatnonzero(~found), [19, 20, 21, 22, 23, 24])


@pytest.mark.parametrize(
    "contamination",
    [None, Contamination(0.0, 0.0, 0.4, False), Contamination(0.1, 0.0, 0.4, True)],
)
def test_where_nothing_is_sure_all_but_labeled_defects_are_presumed_normal(contamination):
    found = FOUND.presumed_normal(contamination)
    np.testing.assert_array_equal(found, CODES != Label.ANOMALOUS)
