import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from defectory.detectors.evidence.classifier import ClassifierSettings, PlaceClassifier
from defectory.detectors.evidence.learned_state import (
    ClassifierTrainer,
    LearnedState,
    TrainedClassifier,
    learned_scores,
    scale_of,
    trust_in_labels,
    trust_in_masks,
)
from defectory.detectors.evidence.measurements import Measurements
from defectory.detectors.evidence.training_set import PlaceRows, PlaceTrainingSet
from defectory.domain import Label, ParameterError
from tests.unit.detectors.evidence.fake_features import (
    GRID,
    N_PLACES,
    PlainNormality,
    known_of,
)

SCALES = np.array([[1, 10, 0, -3], [2, 5, 4, 0.5]], np.float32)
STATE = LearnedState(None, None, SCALES, np.array([3, 0.5], np.float32), 0.05)
TRAINER = ClassifierTrainer(
    ClassifierSettings(n_steps=40, batch_size=64, n_hidden=8, learning_rate=0.02), 0.7, 3
)
CODES = np.array([Label.NORMAL] * 4 + [Label.UNLABELED] * 5 + [Label.ANOMALOUS] * 3, np.int8)
N = len(CODES)
IS_NORMAL = CODES != Label.ANOMALOUS


def _known(seed=0):
    """Looks and distances of the first two places are off in the last three images; two have masks."""
    rng = np.random.default_rng(seed)
    described, odd = rng.normal(size=(N, N_PLACES, 3)), rng.normal(size=(N, N_PLACES))
    described[9:, :2] += 3
    odd[9:, :2] += 5
    coverage = np.full((N, N_PLACES), np.nan)
    coverage[10:] = np.arange(N_PLACES) < 2
    parts = odd, rng.normal(3, 1, (N, N_PLACES)), rng.normal(2, 3, N) + 9 * ~IS_NORMAL
    measured = Measurements(*(part.astype(np.float32) for part in parts))
    components = (10 * described).round().astype(np.int8)
    return known_of(CODES, coverage, measured=measured, described=components)


@pytest.fixture(scope="module")
def taught():
    """What labels and masks teach."""
    known = _known()
    return [
        teach(known, PlainNormality(), IS_NORMAL)
        for teach in (TRAINER.for_images, TRAINER.for_maps)
    ]


def test_scores_and_maps_are_added_in_units_of_their_own_scales():
    found = STATE.fuse_scores(np.array([3, 1], np.float32), np.array([10, 20], np.float32))
    np.testing.assert_allclose(found, [1 + 3 * 0, 0 + 3 * 2])
    heats, logits = np.full((2, 3, 3), 8, np.float32), np.full((2, 3, 3), -2, np.float32)
    maps = STATE.fuse_maps(heats, logits)
    assert maps.shape == heats.shape
    np.testing.assert_allclose(maps, 2 + 0.5 * 2)
    assert maps.dtype == found.dtype == np.float32


def test_what_has_no_spread_has_some_of_it():
    np.testing.assert_allclose(scale_of(np.full(4, 7, np.float32)), [7, 1e-3])
    assert scale_of(np.array([1, 3], np.float32)).tolist() == [2, 1]


def test_logits_are_by_networks_that_have_not_seen_the_image(taught):
    known = _known()
    makes = (PlaceTrainingSet.for_images, PlaceTrainingSet.for_maps)
    for found, make in zip(taught, makes, strict=True):
        told = make(known, PlainNormality(), IS_NORMAL)
        _, expected = PlaceClassifier.train(told, TRAINER.settings, TRAINER.seed)
        np.testing.assert_array_equal(found.logits, expected)
        assert found.logits[10:, :2].mean() > found.logits[:9].mean() + 2


def test_what_was_taught_weighs_as_much_as_its_labels(taught):
    images, maps = taught
    assert images.weight == trust_in_labels(3)
    assert maps.weight == pytest.approx(0.7 * trust_in_masks(2))


def test_without_labels_nothing_is_taught():
    known = _known().take(np.flatnonzero(IS_NORMAL))
    for teach in (TRAINER.for_images, TRAINER.for_maps):
        found = teach(known, PlainNormality(), np.ones(9, bool))
        assert (found.classifier, found.weight) == (None, 0)
        np.testing.assert_array_equal(found.logits, np.zeros((9, N_PLACES)))


def test_without_masks_no_map_is_taught():
    known = _known().take(np.arange(10))
    assert TRAINER.for_images(known, PlainNormality(), IS_NORMAL[:10]).classifier is not None
    assert TRAINER.for_maps(known, PlainNormality(), IS_NORMAL[:10]).classifier is None


def test_presumed_normals_left_out_set_the_scale_by_which_all_images_are_scored(taught):
    known, presumed = _known(), IS_NORMAL.copy()
    presumed[5] = False  # a suspect
    state, scores, maps = LearnedState.of(known, PlainNormality(), *taught, presumed, 0.1)
    images, places = taught
    parts = [
        known.measured.image,
        learned_scores(images.logits, 0.1),
        known.measured.patches.reshape(-1, *GRID),
        places.logits.reshape(-1, *GRID),
    ]
    scales = [[part[presumed].mean(), part[presumed].std()] for part in parts]
    z = [(part - center) / spread for part, (center, spread) in zip(parts, scales, strict=True)]
    np.testing.assert_allclose(state.scales.T, scales, rtol=1e-4)
    np.testing.assert_allclose(scores, z[0] + images.weight * z[1], rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(maps, z[2] + places.weight * z[3], rtol=1e-3, atol=1e-3)


def test_where_nothing_was_learned_normality_alone_counts():
    known = _known()
    nothing = TrainedClassifier(None, np.zeros((N, N_PLACES), np.float32), 0.0)
    state, scores, maps = LearnedState.of(known, PlainNormality(), nothing, nothing, IS_NORMAL, 0.1)
    assert scores[IS_NORMAL].std() == pytest.approx(1, rel=1e-4)
    assert maps[IS_NORMAL].std() == pytest.approx(1, rel=1e-4)
    found, heats = state.score(PlainNormality(), known.measured, lambda: known.described)
    np.testing.assert_array_equal(found, scores)
    np.testing.assert_array_equal(heats, maps)
    np.testing.assert_array_equal(np.argsort(found), np.argsort(known.measured.image))


def test_new_images_are_scored_by_both(taught):
    state, *_ = LearnedState.of(_known(), PlainNormality(), *taught, IS_NORMAL, 0.1)
    new = _known(seed=1)
    scores, maps = state.score(PlainNormality(), new.measured, lambda: new.described)
    places = PlaceRows.of(PlainNormality(), new.measured, new.described)
    learned = learned_scores(taught[0].classifier.logits(places), 0.1)
    np.testing.assert_array_equal(scores, state.fuse_scores(new.measured.image, learned))
    logits = taught[1].classifier.logits(places.in_context()).reshape(-1, *GRID)
    heats = new.measured.patches.reshape(-1, *GRID)
    np.testing.assert_array_equal(maps, state.fuse_maps(heats, logits))
    assert maps[10:, 0, :2].mean() > maps[:9].mean() + 1


def test_what_is_restored_scores_alike(taught):
    state, *_ = LearnedState.of(_known(), PlainNormality(), *taught, IS_NORMAL, 0.1)
    columns = state.images.n_columns, state.maps.n_columns
    again = LearnedState.restore(state.arrays(), columns, 0.1)
    new = _known(seed=1)
    for found, expected in zip(
        *(of.score(PlainNormality(), new.measured, lambda: new.described) for of in (again, state)),
        strict=True,
    ):
        np.testing.assert_array_equal(found, expected)
    with pytest.raises(ParameterError, match="columns"):
        LearnedState.restore(state.arrays(), columns[::-1], 0.1)


def test_restore_refuses_what_does_not_fit():
    arrays = STATE.arrays()
    again = LearnedState.restore(arrays, (1, 1), 0.05)
    assert (again.images, again.maps) == (None, None)
    for name in arrays:
        with pytest.raises(ParameterError, match=f"{name!r} is missing"):
            LearnedState.restore({k: a for k, a in arrays.items() if k != name}, (1, 1), 0.05)
        with pytest.raises(ParameterError, match="expected"):
            LearnedState.restore({**arrays, name: arrays[name][:-1]}, (1, 1), 0.05)
    for name, wrong in [
        ("scales", SCALES * [[1], [0]]),
        ("weights", np.array([1.0, -0.1], np.float32)),
        ("weights", np.array([-1.0, 0.1], np.float32)),
    ]:
        with pytest.raises(ParameterError, match="out of range"):
            LearnedState.restore({**arrays, name: wrong}, (1, 1), 0.05)


def test_an_image_is_as_defective_as_its_highest_places():
    logits = np.array([np.arange(20), np.full(20, -3)], np.float32)
    found = learned_scores(logits, 0.1)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [18.5, -3])


@pytest.mark.parametrize(("trust", "most"), [(trust_in_labels, 4), (trust_in_masks, 1)])
@given(n=st.integers(0, 10**6))
def test_trust_grows_with_what_was_seen_up_to_a_limit(trust, most, n):
    assert trust(0) == 0
    assert 0 <= trust(n) < trust(n + 1) < most


def test_trust_of_a_few_labels():
    assert [trust_in_labels(n) for n in (5, 10, 20)] == [4 / 9, 4 / 3, 8 / 3]
    assert [trust_in_masks(n) for n in (1, 3, 9)] == [0.25, 0.5, 0.75]
