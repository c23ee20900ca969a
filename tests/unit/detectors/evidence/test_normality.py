from functools import partial

import numpy as np
import pytest

from defectory.detectors.evidence import normality as module
from defectory.detectors.evidence.measurements import Measurements, Weights
from defectory.detectors.evidence.normality import STEP, Normality
from defectory.detectors.gaussian_field import GaussianField
from defectory.detectors.grids import stack_stages
from defectory.detectors.moments import RunningMoments
from defectory.domain import ParameterError
from tests.unit.detectors.evidence.fake_features import (
    N_PLACES,
    SHAPE_PX,
    WIDTHS,
    FakeBackbone,
    features,
    learned,
    standardized,
    weights_of,
)

N = 40
LISTED = features(N)
NEW = features(5, seed=5)
PARTS = ("places", "patches", "image")
N_PLACE_FEATURES = WIDTHS["block7"] + WIDTHS["block10"] + WIDTHS["block14"]
SHAPES = [SHAPE_PX, (64, 128), (512, 512)]
FINE_PX = (512, 512)
"""Here 2 x 2 patches share a place."""


def _projected(normality, listed):
    """Return (p, n, d)."""
    return normality.sample(listed).places @ normality.directions_


def _refit(normality, listed, say):
    """Return the Gaussians of these images, with directions and shrinkage of the model."""
    share = 0.02 / normality.places_.shrinkage
    target = (1 - share) * normality.variances_ / normality.variances_.mean() + share
    places, image = RunningMoments(), RunningMoments()
    places.add(_projected(normality, listed), np.ascontiguousarray(say.places.T))
    image.add(normality.sample(listed).image[None], say.image[None])
    shrinkage = normality.places_.shrinkage
    return (
        GaussianField.of(places.moments(), shrinkage, target),
        GaussianField.of(image.moments(), 0.02),
    )


def _measured(normality, listed):
    return normality.measure(normality.sample(listed))


def test_places_are_means_of_their_patches():
    (image,) = features(1, shape_px=FINE_PX)
    samples = Normality(FINE_PX).sample([image])
    assert samples.places.shape == (256, 1, N_PLACE_FEATURES)
    assert samples.patches[0].shape == (32, 32, WIDTHS["block7"] + WIDTHS["block10"] + 4)
    patches = stack_stages(image, ("block7", "block10", "block14"), (32, 32))
    for row, column in [(0, 0), (3, 14), (15, 15)]:
        own = patches[2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
        found = samples.places[16 * row + column, 0]
        np.testing.assert_allclose(found, own.mean(axis=(0, 1)), rtol=1e-5)


def test_an_image_as_a_whole_is_mean_and_spread_of_the_coarsest_stage():
    found = Normality(SHAPE_PX).sample(LISTED[:2]).image
    stage = LISTED[1]["block15"]
    np.testing.assert_allclose(found[1, :4], stage.mean(axis=(0, 1)), rtol=1e-5)
    np.testing.assert_allclose(found[1, 4:], stage.std(axis=(0, 1)), rtol=1e-5)


@pytest.mark.parametrize("say", [None, weights_of(N)], ids=["plain", "say"])
def test_what_is_left_out_is_measured_as_by_a_refit_without_it(say):
    """But for the shrinkage target, whose level is kept, and directions; patches: see the bank's tests."""
    normality = learned(LISTED, say)
    tags, own = np.arange(N), say or Weights.equal(N, N_PLACES)
    found = normality.measure_left_out(normality.sample(LISTED), tags, say)
    with_it = _measured(normality, LISTED)
    for i in (0, 7, N - 1):
        rest = np.delete(tags, i)
        places, image = _refit(
            normality, [LISTED[k] for k in rest], Weights(own.image[rest], own.places[rest])
        )
        expected = places.distances(_projected(normality, LISTED[i : i + 1]))[:, 0]
        np.testing.assert_allclose(found.places[i], expected, rtol=0.04)
        assert np.abs(with_it.places[i] / expected - 1).max() > 0.1
        whole = image.distances(normality.sample(LISTED[i : i + 1]).image[None])[0, 0]
        assert found.image[i] == pytest.approx(whole, rel=0.02)
        assert with_it.image[i] < 0.98 * whole


def test_what_is_left_out_is_measured_by_patches_of_other_images():
    normality = learned(LISTED)
    samples = normality.sample(LISTED)
    tags = np.arange(N)
    found = normality.measure_left_out(samples, tags)
    others = [k for k in tags if k != 3]
    bank = np.concatenate([normality.bank_.embed(samples.patches[k]) for k in others])
    away = normality.bank_.embed(samples.patches[3])[:, None] - bank[None]
    expected = np.sqrt(np.square(away).sum(axis=2)).min(axis=1)
    np.testing.assert_allclose(found.patches[3], expected, rtol=1e-3)
    assert np.abs(_measured(normality, LISTED).patches).max() < 1e-2  # of all, with their own


def _again(listed, seed=0):
    """Return the images with a little noise, as if each had been taken twice."""
    rng = np.random.default_rng(seed)
    return [
        {name: (a + 0.2 * rng.normal(size=a.shape)).astype(np.float32) for name, a in one.items()}
        for one in listed
    ]


@pytest.mark.parametrize("say", [None, weights_of(2 * N)], ids=["plain", "say"])
def test_a_group_is_left_out_as_a_whole(say):
    """But for the shrinkage target, whose level is kept, and directions."""
    listed, groups = LISTED + _again(LISTED), np.tile(np.arange(N)[::-1], 2)
    normality, own = learned(listed, say, groups=groups), say or Weights.equal(2 * N, N_PLACES)
    samples = normality.sample(listed)
    found = normality.measure_left_out(samples, groups, say)
    alone = learned(listed, say).measure_left_out(samples, np.arange(2 * N), say)
    rows, by_places, by_image = np.arange(0, 2 * N, 9), [], []
    for i in rows:
        rest = np.flatnonzero(groups != groups[i])
        places, image = _refit(
            normality, [listed[k] for k in rest], Weights(own.image[rest], own.places[rest])
        )
        by_places.append(places.distances(_projected(normality, listed[i : i + 1]))[:, 0])
        by_image.append(image.distances(samples.image[None, i : i + 1])[0, 0])
    np.testing.assert_allclose(found.places[rows], by_places, rtol=0.05)
    np.testing.assert_allclose(found.image[rows], by_image, rtol=0.01)
    assert alone.places[rows].mean() < 0.98 * np.mean(by_places)
    assert alone.image[rows].mean() < 0.98 * np.mean(by_image)
    assert np.quantile(alone.patches, 0.1) < 0.5 * np.quantile(found.patches, 0.1)


def test_groups_say_which_images_are_left_out():
    twin, tags = learned(LISTED), 10 * np.arange(N)[::-1]
    normality = Normality(SHAPE_PX).learn(iter([LISTED]), tags)
    some = np.array([7, 2])
    samples = normality.sample([LISTED[i] for i in some])
    found = normality.measure_left_out(samples, tags[some])
    expected = twin.measure_left_out(samples, some)
    for part in PARTS:
        np.testing.assert_array_equal(getattr(found, part), getattr(expected, part))


@pytest.fixture
def fixed_directions(monkeypatch):
    """Directions come of all images, whatever their say: those of one fit for all."""
    first = learned(LISTED)

    def learn(self, places):
        self.directions_, self.variances_ = first.directions_, first.variances_

    monkeypatch.setattr(Normality, "_learn_directions", learn)


@pytest.mark.usefixtures("fixed_directions")
def test_an_image_without_say_might_as_well_not_be_there():
    is_kept = np.random.default_rng(1).random(N) < 0.7
    image = is_kept.astype(np.float32)
    say = Weights(image, np.tile(image[:, None], (1, N_PLACES)))
    twin = learned([LISTED[i] for i in np.flatnonzero(is_kept)])
    found = learned(LISTED, say)
    assert found.places_.shrinkage == pytest.approx(twin.places_.shrinkage)
    assert set(found.bank_._tags) == set(np.flatnonzero(is_kept))
    np.testing.assert_allclose(
        np.sort(found.bank_.index_.bank, axis=0),
        np.sort(twin.bank_.index_.bank, axis=0),
        rtol=1e-3,
        atol=1e-4,
    )
    for part in PARTS:
        np.testing.assert_allclose(
            *(getattr(_measured(model, NEW), part) for model in (found, twin)), rtol=2e-3
        )
    left_out = found.measure_left_out(found.sample(LISTED), np.arange(N), say)
    again = _measured(found, LISTED)
    for part in PARTS:
        np.testing.assert_allclose(
            *(getattr(of, part)[~is_kept] for of in (left_out, again)), rtol=2e-3
        )


def test_places_and_images_have_a_say_of_their_own():
    say = weights_of(N)
    changed = Weights(say.image, say.places.copy())
    changed.places[7, 3] = 0
    before, after = (_measured(learned(LISTED, of), NEW) for of in (say, changed))
    assert (before.places[:, 3] != after.places[:, 3]).all()
    np.testing.assert_array_equal(
        np.delete(before.places, 3, axis=1), np.delete(after.places, 3, axis=1)
    )
    np.testing.assert_array_equal(before.image, after.image)


@pytest.mark.parametrize("size", [7, N])
def test_the_say_is_that_of_the_image_however_images_are_batched(size, monkeypatch):
    monkeypatch.setattr(module, "N_WHITENING", 16 * N_PLACES)
    say = weights_of(N)
    normality = learned(LISTED, say, size=size)
    samples = normality.sample(LISTED)
    expected = [np.average(samples.places[p], axis=0, weights=say.places[:, p]) for p in range(16)]
    np.testing.assert_allclose(
        normality.places_.means, np.array(expected) @ normality.directions_, rtol=1e-3, atol=1e-3
    )
    np.testing.assert_allclose(
        normality.image_.means[0], np.average(samples.image, axis=0, weights=say.image), rtol=1e-4
    )


@pytest.mark.parametrize(("shape_px", "n"), [(SHAPE_PX, N), (FINE_PX, 4)])
def test_patches_of_places_with_little_say_are_not_remembered(shape_px, n):
    listed, share = features(n, shape_px=shape_px), shape_px[0] // 16 // 16 or 1
    normality = Normality(shape_px)
    say = weights_of(n, normality.grid.n_places)
    normality.learn(iter([listed]), np.arange(n), say)
    grids = say.places.reshape(n, *normality.grid.places) >= 0.6
    allowed = grids.repeat(share, axis=1).repeat(share, axis=2)
    bank = normality.bank_
    embedded = [bank.embed(grid) for grid in normality.sample(listed).patches]
    expected = [rows[may.ravel()] for rows, may in zip(embedded, allowed, strict=True)]
    for tag, rows in enumerate(expected):
        found = bank.index_.bank[bank._tags == tag]
        np.testing.assert_array_equal(found[np.lexsort(found.T)], rows[np.lexsort(rows.T)])


def test_where_all_have_little_say_those_with_the_most_are_remembered():
    say = Weights(np.full(N, 0.3, np.float32), np.full((N, N_PLACES), 0.3, np.float32))
    say.places[5:] = 0.2
    assert set(learned(LISTED, say).bank_._tags) == set(range(5))


def test_few_images_lean_on_all_places():
    shrinkage = [learned(features(n)).places_.shrinkage for n in (2, N, 400)]
    np.testing.assert_allclose(shrinkage, [0.02 + 20 / (20 + n) for n in (2, N, 400)])
    full = Weights.equal(N, N_PLACES)
    half = Weights(np.float32(0.5) * full.image, np.float32(0.5) * full.places)
    assert learned(LISTED, half).places_.shrinkage == pytest.approx(0.02 + 20 / 40)


@pytest.mark.parametrize("shape_px", SHAPES)
def test_an_image_is_measured_alike_alone_and_in_company(shape_px):
    listed = features(7, shape_px=shape_px)
    normality, _ = standardized(listed, shape_px=shape_px)
    samples = normality.sample(listed)
    together, described = normality.measure(samples), normality.describe(samples)
    derived = [
        normality.image_scores,
        normality.standardized_places,
        normality.map_cells,
        normality.highest_of_map,
    ]
    in_company = [derive(together) for derive in derived]
    spread = normality.grid.spread(together.places)
    for i in range(7):
        one = normality.sample([listed[i]])
        alone = normality.measure(one)
        for part in PARTS:
            np.testing.assert_array_equal(getattr(alone, part)[0], getattr(together, part)[i])
        for derive, expected in zip(derived, in_company, strict=True):
            np.testing.assert_array_equal(derive(alone)[0], expected[i])
        np.testing.assert_array_equal(normality.grid.spread(alone.places)[0], spread[i])
        np.testing.assert_array_equal(normality.describe(one)[0], described[i])


@pytest.mark.parametrize("shape_px", SHAPES)
def test_shapes_of_what_is_measured(shape_px):
    listed = features(3, shape_px=shape_px)
    normality, measured = standardized(listed, shape_px=shape_px)
    rows, columns = shape_px[0] // 16, shape_px[1] // 16
    p = normality.grid.n_places
    assert measured.places.shape == normality.highest_of_map(measured).shape == (3, p)
    assert measured.patches.shape == (3, rows * columns)
    assert measured.image.shape == normality.image_scores(measured).shape == (3,)
    assert normality.map_cells(measured).shape == (3, rows, columns)
    assert normality.grid.spread(measured.places).shape == (3, rows, columns)
    assert normality.describe(normality.sample(listed)).shape == (3, p, normality.n_components)
    for part in PARTS:
        assert getattr(measured, part).dtype == np.float32


def test_of_the_patches_of_a_place_the_oddest_counts():
    normality, measured = standardized(features(3, shape_px=FINE_PX), shape_px=FINE_PX)
    patches = measured.patches.copy()
    patches[1, 32 * 7 + 19] = 1000
    odd = Measurements(measured.places, patches, measured.image)
    place = 16 * 3 + 9
    assert normality.highest_of_map(odd)[1].argmax() == place
    before, after = (normality.standardized_parts(of)[1] for of in (measured, odd))
    assert np.argwhere(before != after).tolist() == [[1, place]]
    z = (patches - normality.scales_.patch[0]) / normality.scales_.patch[1]
    assert after[1, place] == pytest.approx(z[1, 32 * 7 + 19], rel=1e-5)


def test_components_of_wide_features_are_rounded_alike_alone_and_in_company():
    rng, normality = np.random.default_rng(0), Normality(SHAPE_PX)
    normality.directions_ = rng.normal(size=(300, 90)).astype(np.float32)
    places = rng.normal(size=(N_PLACES, 7, 300)).astype(np.float32)
    alone = normality._projected(places[:, 4:5].copy())
    np.testing.assert_array_equal(normality._projected(places)[:, 4], alone[:, 0])


@pytest.mark.parametrize("place", [0, 9])
def test_an_image_with_an_odd_place_stands_out(place):
    normality, measured = standardized(LISTED)
    (odd,) = features(1, seed=8)
    odd["block7"].reshape(-1, 3)[place] += [12, -12, 12]
    found = _measured(normality, [odd])
    assert normality.image_scores(found)[0] > normality.image_scores(measured).max() + 1
    assert normality.standardized_places(found)[0].argmax() == place
    assert normality.map_cells(found)[0].argmax() == place


def test_a_usual_patch_is_1_on_the_map():
    normality, measured = standardized(LISTED)
    assert normality.map_cells(measured).mean() == pytest.approx(1, rel=1e-5)
    np.testing.assert_array_equal(
        normality.highest_of_map(measured), normality.map_cells(measured).reshape(N, -1)
    )


def test_descriptions_are_of_unit_variance_and_tell_nothing_twice():
    normality = learned(LISTED)
    found = normality.describe(normality.sample(LISTED))
    assert found.dtype == np.int8
    assert found.shape == (N, N_PLACES, N_PLACE_FEATURES)
    flat = (STEP * found).reshape(-1, N_PLACE_FEATURES)
    np.testing.assert_allclose(flat.mean(axis=0), 0, atol=1e-2)
    np.testing.assert_allclose(np.cov(flat.T, bias=True), np.eye(N_PLACE_FEATURES), atol=2e-2)


def test_descriptions_are_of_leading_directions_alone(monkeypatch):
    full = learned(LISTED)
    rows = full.describe(full.sample(NEW))
    monkeypatch.setattr(module, "_N_COMPONENTS", 3)
    normality = learned(LISTED)
    assert normality.n_components == 3
    np.testing.assert_array_equal(normality.describe(normality.sample(NEW)), rows[:, :, -3:])
    assert (np.diff(normality.variances_) >= 0).all()


def test_descriptions_have_a_limit():
    normality = learned(LISTED)
    odd = [{name: 1000 * stage for name, stage in LISTED[0].items()}]
    found = normality.describe(normality.sample(odd))
    assert (found.min(), found.max()) == (-127, 127)


def test_images_that_are_all_the_same_give_finite_scores():
    same = [{name: np.ones_like(stage) for name, stage in LISTED[0].items()}] * 5
    normality, measured = standardized(same)
    for of in (measured, _measured(normality, NEW)):
        assert np.isfinite(normality.image_scores(of)).all()
        assert np.isfinite(normality.map_cells(of)).all()


def test_what_is_absorbed_is_normal_then_and_the_old_model_stays_as_it_was():
    normality, measured = standardized(LISTED)
    (odd,) = features(1, seed=8)
    odd = {name: stage + 6 for name, stage in odd.items()}
    before, old = _measured(normality, [odd]), {k: v.copy() for k, v in normality.arrays().items()}
    found = normality.absorb(normality.sample([odd] * 3), [50, 51, 52])
    after = _measured(found, [odd])
    assert (after.places < 0.8 * before.places).all()
    assert after.image[0] < 0.8 * before.image[0]
    assert after.patches.max() < 1e-2 < before.patches.min()
    for name, array in normality.arrays().items():
        np.testing.assert_array_equal(array, old[name])
    assert found.scales_ is normality.scales_
    np.testing.assert_array_equal(_measured(normality, [odd]).places, before.places)
    assert np.mean(found.places_.n_samples) == N + 3
    assert normality.image_scores(measured).mean() == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize("shape_px", SHAPES)
def test_what_is_restored_scores_alike(shape_px):
    listed = features(6, shape_px=shape_px)
    normality, _ = standardized(listed, shape_px=shape_px)
    # as a file gives them: row by row, whatever they were
    arrays = {name: np.array(array, order="C") for name, array in normality.arrays().items()}
    again = Normality(shape_px).restore(arrays, FakeBackbone([]))
    samples = normality.sample(features(3, shape_px=shape_px, seed=5))
    expected, found = normality.measure(samples), again.measure(samples)
    for part in PARTS:
        np.testing.assert_array_equal(getattr(found, part), getattr(expected, part))
    for derive in ("image_scores", "standardized_places", "map_cells"):
        np.testing.assert_array_equal(
            getattr(again, derive)(found), getattr(normality, derive)(found)
        )
    np.testing.assert_array_equal(again.describe(samples), normality.describe(samples))
    absorbed = [
        model.absorb(samples, range(50, 50 + len(samples))).measure(samples)
        for model in (again, normality)
    ]
    for part in PARTS:  # what it was shrunk by is rounded
        np.testing.assert_allclose(*(getattr(of, part) for of in absorbed), rtol=1e-3)


def test_restore_refuses_what_does_not_fit():
    normality, _ = standardized(LISTED)
    arrays = normality.arrays()
    restore = partial(Normality(SHAPE_PX).restore, backbone=FakeBackbone([]))
    for name in arrays:
        key = name.removeprefix("bank.")
        if key != "tags":  # which older bundles lack
            with pytest.raises(ParameterError, match=f"'{key}' is missing"):
                restore({k: a for k, a in arrays.items() if k != name})
        with pytest.raises(ParameterError, match="expected"):
            restore({**arrays, name: arrays[name][None]})
    for name in ("variances", "patch_unit", "place_scale", "patch_scale", "part_scale", "fits"):
        with pytest.raises(ParameterError, match="not positive"):
            restore({**arrays, name: 0 * arrays[name]})
    with pytest.raises(ParameterError, match="expected"):
        Normality((64, 128)).restore(arrays, FakeBackbone([]))


def test_some_images_of_all_parts_are_taken_and_joined():
    measured = standardized(LISTED)[1]
    some = np.array([5, 0, 2])
    joined = Measurements.join([measured.take(some), measured.take(slice(7, 9))])
    assert len(joined) == 5
    for part in PARTS:
        np.testing.assert_array_equal(
            getattr(joined, part), getattr(measured, part)[[5, 0, 2, 7, 8]]
        )
    say = weights_of(6).take(slice(2, 4))
    np.testing.assert_array_equal(say.image, weights_of(6).image[2:4])
    np.testing.assert_array_equal(say.places, weights_of(6).places[2:4])
