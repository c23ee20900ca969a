import numpy as np
import pytest

from defectory.detectors.evidence.descriptors import CellDescriptor
from defectory.detectors.evidence.readings import Readings
from defectory.detectors.evidence.study import cover
from defectory.detectors.gaussian_normality import GaussianNormality
from defectory.domain import Label
from tests.unit.detectors.evidence.fake_features import (
    SIDE,
    SIZE_PX,
    FakeBackbone,
    features,
    learned,
    weights_of,
)

N = 40
LISTED = features(N)
CODES = np.full(N, Label.UNLABELED, np.int8)
CODES[[3, 20, 39]] = Label.ANOMALOUS
CODES[[0, 5]] = Label.NORMAL
ROWS = np.delete(np.arange(N), 1)
"""The second image is not studied."""
POOL = ROWS[CODES[ROWS] != Label.ANOMALOUS]
ANOMALIES = np.flatnonzero(CODES == Label.ANOMALOUS)


class Masks:
    """Of all images but the 20th; that of image 39 is empty."""

    def __len__(self):
        return N

    def read(self, index):
        mask = np.zeros((32, 32), bool)
        mask[:8, :8] = index != 39
        return None if index == 20 else mask


class Told:
    def __init__(self):
        self.stages, self.steps = [], 0

    def start(self, stage, total):
        self.stages.append((stage, total))

    def advance(self, steps=1):
        self.steps += steps


def _readings(masks=None):
    return Readings(FakeBackbone(LISTED), "view", None, CODES, masks, Told())


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "weighted"])
def studied(request):
    weights = weights_of(len(POOL)) if request.param else None
    readings = _readings(Masks())
    normality = readings.learn(GaussianNormality(SIZE_PX), POOL, weights, "learning")
    study, descriptor = readings.study(normality, ROWS, weights, "scoring")
    return readings, normality, study, descriptor, weights


def test_a_model_learns_from_these_images_alone(studied):
    readings, normality, _, _, weights = studied
    twin = learned([LISTED[i] for i in POOL], weights)
    assert readings.backbone.read[0] == POOL.tolist()
    np.testing.assert_allclose(normality.cells_.means, twin.cells_.means, rtol=1e-5)
    np.testing.assert_allclose(normality.cell_covariance_, twin.cell_covariance_, atol=1e-4)


def test_images_come_in_the_order_of_the_rows(studied):
    _, normality, study, descriptor, _ = studied
    np.testing.assert_array_equal(study.indices, ROWS)
    np.testing.assert_array_equal(study.codes, CODES[ROWS])
    assert len(study) == len(study.measured) == len(study.described) == N - 1
    for row, index in enumerate(ROWS):
        np.testing.assert_array_equal(
            study.described[row],
            descriptor.describe(normality, normality.sample([LISTED[index]]))[0],
        )


def test_anomalies_are_measured_as_new_images_and_others_left_out(studied):
    _, normality, study, _, weights = studied
    for row in np.flatnonzero(np.isin(ROWS, ANOMALIES)):
        again = normality.measure(normality.sample([LISTED[ROWS[row]]]))
        np.testing.assert_array_equal(study.measured.cells[:, row], again.cells[:, 0])
    fresh = learned([LISTED[i] for i in POOL], weights)
    expected = fresh.measure_left_out(fresh.sample([LISTED[i] for i in POOL]), weights)
    found = study.measured.take(np.flatnonzero(np.isin(ROWS, POOL)))
    for part in ("cells", "means", "lines", "image"):
        np.testing.assert_allclose(getattr(found, part), getattr(expected, part), rtol=2e-3)


def test_the_model_is_standardized_on_those_left_out(studied):
    _, normality, study, _, weights = studied
    measured = study.measured.take(np.flatnonzero(np.isin(ROWS, POOL)))
    image = None if weights is None else weights.image
    center = np.average(measured.image, weights=image)
    assert normality.part_standards_[1, 0] == pytest.approx(center, rel=1e-5)


def test_only_labeled_defects_have_a_coverage(studied):
    _, _, study, _, _ = studied
    np.testing.assert_array_equal(np.flatnonzero(study.has_mask), np.flatnonzero(ROWS == 3))
    np.testing.assert_array_equal(study.coverage[ROWS == 3][0], cover(Masks().read(3), SIDE))


def test_progress_is_told_of_each_image(studied):
    readings = studied[0]
    n_pool, n_anomalies = len(POOL), len(ANOMALIES)
    assert readings.progress.stages == [
        ("learning", n_pool),
        ("scoring", n_pool),
        ("scoring: labeled defects", n_anomalies),
    ]
    assert readings.progress.steps == 2 * n_pool + n_anomalies


def test_without_masks_and_anomalies_nothing_is_covered_or_read_twice():
    readings = _readings()
    normality = readings.learn(GaussianNormality(SIZE_PX), POOL, None, "learning")
    study, descriptor = readings.study(normality, POOL, None, "scoring")
    assert isinstance(descriptor, CellDescriptor)
    assert not study.has_mask.any()
    assert readings.backbone.read == [POOL.tolist(), POOL.tolist()]


def test_a_finished_model_measures_all_images_as_new_ones(studied):
    _, normality, _, descriptor, _ = studied
    readings = _readings(Masks())
    study = readings.measure(normality, descriptor)
    assert readings.backbone.read == [list(range(N))]
    np.testing.assert_array_equal(study.indices, np.arange(N))
    np.testing.assert_array_equal(study.codes, CODES)
    for index in (0, 3, 17, N - 1):  # of three batches
        again = normality.measure(normality.sample([LISTED[index]]))
        np.testing.assert_array_equal(study.measured.cells[:, index], again.cells[:, 0])
        described = descriptor.describe(normality, normality.sample([LISTED[index]]))
        np.testing.assert_array_equal(study.described[index], described[0])
    np.testing.assert_array_equal(np.flatnonzero(study.has_mask), [3])
