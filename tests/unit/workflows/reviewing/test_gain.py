import numpy as np

from defectory.workflows.calibrated import CalibratedDetector
from defectory.workflows.reviewing.gain import expect_gain
from tests.bundles import bundle_of
from tests.unit.workflows.brightness import Brightness, brightness_model


def test_scores_near_the_threshold_are_what_labels_change():
    model = brightness_model()
    near = expect_gain(model, np.linspace(35, 45, 200))
    far = expect_gain(model, np.linspace(100, 110, 200))
    assert near.flip_ratio > 0.01
    assert (far.flip_ratio, far.is_enough) == (0, True)


def test_what_the_last_update_changed_counts():
    scores = np.linspace(100, 110, 200)
    found = expect_gain(brightness_model(), scores, flipped_by_last=0.1, n_last=20)
    assert found.flip_ratio == 0.05


def test_a_model_without_good_images_has_no_threshold_to_move():
    model = CalibratedDetector(bundle_of(Brightness(), scores=[]))
    assert expect_gain(model, np.ones(3)) is None
