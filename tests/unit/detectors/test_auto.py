"""What labels, masks, suspects and corrections change in `auto`, on small pictures with planted squares."""

from functools import cache

import numpy as np
import pytest

from defectory.detectors.auto import Auto
from defectory.detectors.evidence import memory as memory_module
from defectory.detectors.evidence.cost import N_TIMED, PlannedFit
from defectory.detectors.evidence.fitter import FitSettings
from defectory.detectors.evidence.normality import Normality
from defectory.detectors.evidence.speeds import SPEEDS
from defectory.detectors.gaussian import Gaussian
from defectory.domain import ArrayImages, Label, NotFittedError, ParameterError
from defectory.metrics import auroc
from defectory.testing.pictures import ArrayMasks, planted, products

_QUICK = {"size_px": 64, "detail_ratio": 1.0, "n_steps": 60}
_PLACE = (20, 24)


def _faint(image, place=_PLACE):
    """The image with a square so faint that normality hardly minds."""
    y, x = place
    out = image.copy()
    out[y : y + 12, x : x + 12] = (0.75 * out[y : y + 12, x : x + 12]).astype(np.uint8)
    return out


def _known(n_normal=30, n_odd=6):
    images = products(n_normal) + [_faint(image) for image in products(n_odd, seed=5)]
    labels = [0] * n_normal + [1] * n_odd
    masks: list = [None] * len(images)
    for i in range(n_normal, len(images)):
        masks[i] = np.zeros(images[i].shape[:2], bool)
        masks[i][20:32, 24:36] = True
    return ArrayImages(images), labels, ArrayMasks(masks)


@pytest.fixture(scope="module")
def test_images():
    good = products(20, seed=8)
    return ArrayImages(good + [_faint(image) for image in products(20, seed=9)])


@pytest.fixture(scope="module")
def taught():
    images, labels, masks = _known()
    return Auto(**_QUICK).fit(images, labels, masks)


def _auroc(detector, images):
    return auroc(detector.score(images).image_scores, np.repeat([0, 1], 20))


def test_labels_find_defects_like_those_labeled(taught, test_images):
    images, labels, _ = _known()
    alone = Gaussian(size_px=64).fit(images, labels)
    assert _auroc(taught, test_images) > _auroc(alone, test_images)


def test_masks_move_the_map_to_the_defect(taught, test_images):
    images, labels, _ = _known()
    without = Auto(**_QUICK).fit(images, labels)
    inside = np.zeros((16, 16), bool)
    inside[20 * 16 // 96 : 32 * 16 // 96, 24 * 16 // 96 : 36 * 16 // 96] = True

    def contrast(detector):
        heats = np.stack(detector.score(test_images).anomaly_maps[20:])
        return float(
            ((heats[:, inside].mean(axis=1) - heats.mean(axis=(1, 2))) / heats.std()).mean()
        )

    assert contrast(taught) > contrast(without)


def test_a_clean_folder_of_unlabeled_images_has_no_suspects():
    found = Auto(**_QUICK).fit(ArrayImages(products(40)))
    assert found.suspects_ == ()
    assert found.contamination_ is not None
    assert not found.contamination_.is_clear


@pytest.fixture(scope="module")
def contaminated():
    odd = [planted(image, (4 + 5 * i, 60 - 5 * i)) for i, image in enumerate(products(10, seed=5))]
    return Auto(**_QUICK).fit(ArrayImages(products(60) + odd + products(30, seed=6)))


def test_suspects_of_a_contaminated_folder_are_the_odd_ones_oddest_first(contaminated):
    suspects = contaminated.suspects_
    assert {suspect.index for suspect in suspects[:8]} <= set(range(60, 70))
    assert [s.score for s in suspects] == sorted((s.score for s in suspects), reverse=True)
    assert all(s.weight < 0.3 and 0 < s.votes <= s.n_votes for s in suspects[:8])
    assert all("deviations above" in s.reason for s in suspects)
    assert len(contaminated.account_) == 3
    assert contaminated.account_[1].endswith(f"not counted. {len(suspects)} of them weigh little.")


def test_suspects_are_held_out_too_but_few_of_them_are_presumed_normal(contaminated):
    held_out, presumed = contaminated.held_out_, contaminated.memory_.is_presumed
    assert held_out.contents == contaminated.memory_.names
    assert len(held_out) == len(held_out.peaks) == 100
    assert not held_out.is_confirmed.any()
    assert 1 - presumed.mean() == pytest.approx(contaminated.contamination_.lower, abs=0.02)
    assert set(np.flatnonzero(~presumed)) <= set(range(60, 70))
    odd = contaminated.score(ArrayImages([planted(i, _PLACE) for i in products(3, seed=7)]))
    assert (odd.image_scores > np.quantile(held_out.scores[presumed], 0.98)).all()


def test_what_a_contaminated_folder_taught_survives_the_bundle(contaminated):
    again = Auto(**contaminated.config()).restore(contaminated.arrays(), contaminated.backbone_)
    images = ArrayImages([*products(3, seed=7), *(planted(i, _PLACE) for i in products(3, seed=7))])
    found, expected = again.score(images), contaminated.score(images)
    np.testing.assert_array_equal(found.image_scores, expected.image_scores)
    good = ArrayImages(products(1, seed=3))
    revised, other = (d.update(good, [0]).detector for d in (again, contaminated))
    np.testing.assert_array_equal(
        revised.score(images).image_scores, other.score(images).image_scores
    )


def test_without_labels_nothing_is_learned_beside_normality():
    images, labels, masks = _known()
    off = Auto(**_QUICK, use_labels=False).fit(images, labels, masks)
    alone = Auto(**_QUICK).fit(ArrayImages(images.read(range(30))), [0] * 30)
    good = ArrayImages(products(6, seed=3))
    found, expected = off.score(good), alone.score(good)
    assert off.learned_.images is None
    assert off.learned_.maps is None
    np.testing.assert_array_equal(found.image_scores, expected.image_scores)
    np.testing.assert_array_equal(found.anomaly_maps, expected.anomaly_maps)


def test_a_strip_is_read_whole_and_its_map_keeps_the_aspect():
    strips = [np.concatenate([image, image, image], axis=1) for image in products(6)]
    found = Auto(**_QUICK).fit(ArrayImages(strips))
    assert found.shape_px_ == (64, 192)
    heat = found.score(ArrayImages(strips[:1])).anomaly_maps[0]
    assert heat.shape == (16, 48)
    again = Auto(**found.config()).restore(found.arrays(), found.backbone_)
    np.testing.assert_array_equal(again.score(ArrayImages(strips[:1])).anomaly_maps[0], heat)


def test_plans_of_memory_know_the_size_of_the_images():
    strips = ArrayImages([np.concatenate(products(6), axis=1)] * 3)
    blind, seen = Auto(**_QUICK), Auto(**_QUICK)
    seen.look_at(strips)
    assert seen.reader_bytes > 5 * blind.reader_bytes
    assert seen.estimate_fit_bytes(3) > blind.estimate_fit_bytes(3)
    fitted = Auto(**_QUICK).fit(strips)
    assert fitted.reader_bytes == seen.reader_bytes


def test_a_shape_beyond_all_bounds_is_refused(taught):
    arrays = {**taught.arrays(), "shape_px": np.array([64, 2**20], np.float32)}
    with pytest.raises(ParameterError, match="cannot be read"):
        Auto(**taught.config()).restore(arrays, taught.backbone_)


def test_update_takes_a_false_alarm_and_a_missed_defect(taught):
    alarm, missed = (
        planted(products(1, seed=11)[0], (60, 60)),
        _faint(products(1, seed=12)[0], (50, 8)),
    )
    images = ArrayImages([alarm, missed])
    before = taught.score(images).image_scores
    revision = taught.update(images, [0, 1])
    after = revision.detector.score(images).image_scores
    assert after[0] < before[0]
    assert after[1] > before[1]
    np.testing.assert_array_equal(taught.score(images).image_scores, before)
    by_name = {c.name: c for c in revision.confirmed}
    own = by_name[images.fingerprint(0)[:12]]
    assert (own.label, own.before, own.after) == (0, float(before[0]), float(after[0]))
    assert len(by_name) == len(revision.confirmed) == 36 + 2
    assert len(revision.detector.memory_) == len(taught.memory_) + 2
    held_out = revision.detector.held_out_
    assert held_out.contents == (*taught.held_out_.contents, own.name)
    assert held_out.is_confirmed.all()
    assert len(np.unique(held_out.groups)) == len(held_out) == 30 + 1


@pytest.mark.parametrize("is_saved", [pytest.param(False, marks=pytest.mark.thorough), True])
def test_good_images_of_the_fit_stay_left_out_when_they_are_confirmed(is_saved, monkeypatch):
    """Also those that the bundle has forgotten, and those that it never looked at closely."""
    listed, new = products(150), products(20, seed=3)
    expected = _distances(Auto(**_QUICK).fit(ArrayImages(listed)))
    monkeypatch.setattr(memory_module, "_N_NORMAL", 40)
    monkeypatch.setattr(FitSettings, "n_studied", 100)
    fitted = Auto(**_QUICK).fit(ArrayImages(listed))
    memory = fitted.memory_
    assert (len(memory), len(memory.rest), len(memory.learned.names)) == (40, 60, 50)
    if is_saved:
        fitted = Auto(**fitted.config()).restore(fitted.arrays(), fitted.backbone_)
    revised = fitted.update(ArrayImages([*listed, *new]), [0] * 170).detector
    found = _distances(revised)
    assert len(found) == len(revised.held_out_) == 170
    for name, distances in expected.items():
        np.testing.assert_allclose(found[name], distances, rtol=0.01)
    added = revised.normality_.image_.n_samples - fitted.normality_.image_.n_samples
    assert added == 20


def test_images_of_a_later_fit_are_learned_from_once():
    listed = products(90)
    first, more = ArrayImages(listed[:60]), ArrayImages(listed[60:])
    unlabeled = np.full(30, -1, np.int8)
    fitted = Auto(**_QUICK).fit(first)
    extended = fitted.extend(more, unlabeled, groups=np.arange(30))
    assert not fitted.memory_.learned.names
    # numbers of groups of the two fits have nothing to do with each other
    first_groups = set(fitted.normality_.bank_.coreset.indices)
    assert not first_groups & set(extended.memory_.known.groups[60:])
    other = fitted.extend(more, unlabeled, groups=np.arange(30) + 1000)
    np.testing.assert_array_equal(extended.held_out_.scores, other.held_out_.scores)
    # what an update calibrates on is of both
    new = extended.update(ArrayImages(products(2, seed=9)), [0, 0]).detector
    assert len(new.held_out_) == 92
    assert {more.fingerprint(i)[:12] for i in range(30)} < set(new.held_out_.contents)
    taught = extended.update(more, [0] * 30).detector
    n_before, n_after = (np.mean(d.normality_.image_.n_samples) for d in (extended, taught))
    assert n_after == pytest.approx(n_before)
    as_fitted = extended.normality_.measure(
        extended.normality_.sample(list(extended.backbone_.extract(more, extended.view)))
    )
    known = taught.memory_.known.measured.take(np.arange(60, 90))
    assert (known.places.mean(axis=1) > 1.1 * as_fitted.places.mean(axis=1)).all()
    # nor by their own patches
    assert known.patches.mean() > 1.05 * as_fitted.patches.mean()
    assert (known.patches > 0.5 * np.median(known.patches)).mean() > (
        as_fitted.patches > 0.5 * np.median(known.patches)
    ).mean()


def test_where_all_defects_are_of_one_group_none_is_said_to_be_left_out():
    """Every classifier has learned from them: there is nothing else to learn from."""
    bad = [_faint(image, (50, 8)) for image in products(6, seed=8)]
    images, labels = ArrayImages([*products(30), *bad]), [0] * 30 + [1] * 6
    one, several = (
        Auto(**_QUICK).fit(images, labels, groups=[*range(30), *groups])
        for groups in ([40] * 6, [40, 41] * 3)
    )
    assert not len(one.left_out_defects_)
    assert len(several.left_out_defects_) == 6
    for fitted, n in ((one, 0), (several, 6)):
        again = fitted.update(ArrayImages(products(2, seed=9)), [0, 0])
        assert len(again.detector.left_out_defects_) == n
    plain = Auto(**_QUICK).fit(ArrayImages(products(30)))
    for groups, is_left_out in (([1] * 6, False), ([1, 2] * 3, True)):
        confirmed = plain.update(ArrayImages(bad), [1] * 6, groups=groups).confirmed
        assert len(confirmed) == 6
        assert all((c.left_out_after is not None) == is_left_out for c in confirmed)


def test_a_good_image_that_the_fit_doubted_is_learned_once_it_is_confirmed(contaminated):
    odd = [planted(image, (4 + 5 * i, 60 - 5 * i)) for i, image in enumerate(products(10, seed=5))]
    of_odd = ArrayImages(odd)
    names = {of_odd.fingerprint(i)[:12] for i in range(len(of_odd))}
    assert len(contaminated.memory_.doubted & names) >= 8
    some = ArrayImages([odd[0], *products(2)])
    taught = contaminated.update(some, [0, 0, 0]).detector
    assert taught.memory_.doubted == contaminated.memory_.doubted - {of_odd.fingerprint(0)[:12]}
    n_before, n_after = (d.normality_.image_.n_samples for d in (contaminated, taught))
    assert np.mean(n_after) == pytest.approx(np.mean(n_before) + 1)
    again = taught.update(some, [0, 0, 0]).detector
    assert np.mean(again.normality_.image_.n_samples) == pytest.approx(np.mean(n_after))


def test_images_that_the_fit_doubted_vouch_for_each_other_not_for_themselves(
    contaminated, monkeypatch
):
    assert not contaminated.normality_.leaves_out_when_rounded  # too few, for the image as a whole
    monkeypatch.setattr(Normality, "leaves_out_when_rounded", True)
    odd = ArrayImages(
        [planted(image, (4 + 5 * i, 60 - 5 * i)) for i, image in enumerate(products(10, seed=5))]
    )
    names = [odd.fingerprint(i)[:12] for i in range(len(odd))]
    doubted = [i for i, name in enumerate(names) if name in contaminated.memory_.doubted]
    first = ArrayImages(odd.read(doubted[:1]))
    old, alone, together = (
        _distances(of)[names[doubted[0]]]
        for of in (
            contaminated,
            contaminated.update(first, [0]).detector,
            contaminated.update(ArrayImages(odd.read(doubted)), [0] * len(doubted)).detector,
        )
    )
    np.testing.assert_allclose(alone[:-1], old[:-1], rtol=0.05)
    assert together[:-1].mean() < 0.9 * alone[:-1].mean()


def _distances(detector):
    """Return content -> what the memory holds of the distances of the image's places, patches and whole."""
    known = detector.memory_.known.measured
    rows = np.column_stack([known.places, known.patches, known.image])
    return dict(zip(detector.memory_.names, rows, strict=True))


def test_update_changes_its_mind_about_an_image_it_knows(taught):
    images, _, _ = _known()
    one = ArrayImages(images.read([0]))
    revised = taught.update(one, [1]).detector
    place = revised.memory_.names.index(one.fingerprint(0)[:12])
    assert len(revised.memory_) == len(taught.memory_)
    assert revised.memory_.known.codes[place] == Label.ANOMALOUS
    assert not revised.memory_.is_presumed[place]
    again = revised.update(one, [0]).detector
    assert again.memory_.is_presumed[place]


def test_labels_that_it_has_learned_before_tell_nothing_new(taught):
    images = ArrayImages(products(3, seed=13))
    once = taught.update(ArrayImages(images.read([0, 1])), [0, 1]).detector
    grown = {c.name: c for c in once.update(images, [0, 1, 0]).confirmed}
    names = [images.fingerprint(i)[:12] for i in range(3)]
    assert [grown[name].left_out_before is None for name in names] == [True, True, False]
    assert [grown[name].left_out_after is None for name in names] == [True, True, False]


def test_new_labels_have_groups_of_their_own(taught):
    images = ArrayImages(products(3, seed=13))
    held_out = taught.update(images, [0, 0, 0], groups=[4, -1, 4]).detector.held_out_
    first, alone, second = held_out.groups[-3:]
    assert first == second != alone
    assert not {first, alone} & set(held_out.groups[:-3])
    with pytest.raises(ParameterError, match="groups of shape"):
        taught.update(images, [0, 0, 0], groups=[4, 4])


def test_update_refuses_what_is_no_label(taught):
    one = ArrayImages(products(1))
    for labels in (None, [], [-1], [0, 1], [7]):
        with pytest.raises(ParameterError):
            taught.update(one, labels)
    with pytest.raises(NotFittedError):
        Auto().update(one, [0])


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("top_ratio", 0.0), ("map_weight", -1.0), ("n_steps", 0), ("blur_px", 0.0),
        ("detail_ratio", 0.5), ("speed", "slow"), ("speed", []),
    ],
)  # fmt: skip
def test_settings_out_of_range_are_refused(setting, value):
    with pytest.raises(ParameterError, match=setting):
        Auto(**{**_QUICK, setting: value}).fit(ArrayImages(products(3)))


def _large():
    return ArrayImages([np.kron(image, np.ones((4, 4, 1), np.uint8)) for image in products(12)])


@pytest.fixture(scope="module")
def at_speed():
    """A function from a speed to a detector fitted so."""
    return cache(lambda speed: Auto(size_px=32, speed=speed).fit(_large()))


@pytest.mark.parametrize(
    "speed", [pytest.param(s, marks=[pytest.mark.thorough] * (s == "balanced")) for s in SPEEDS]
)
def test_a_bundle_remembers_its_speed(speed, at_speed):
    fitted = at_speed(speed)
    config = fitted.config()
    assert config["speed"] == fitted.speed == speed
    again = Auto(**config).restore(fitted.arrays(), fitted.backbone_)
    few = ArrayImages(products(2, seed=3))
    np.testing.assert_array_equal(again.score(few).image_scores, fitted.score(few).image_scores)
    assert again.update(few, [0, 1]).detector.speed == speed


def test_a_bundle_that_names_no_speed_is_balanced(taught, test_images):
    config = taught.config()
    assert config.pop("speed") == "balanced"
    again = Auto(**config).restore(taught.arrays(), taught.backbone_)
    assert again.config() == taught.config()
    np.testing.assert_array_equal(
        again.score(test_images).image_scores, taught.score(test_images).image_scores
    )


def test_fast_reads_less_and_keeps_less(at_speed):
    fast, balanced = at_speed("fast"), at_speed("balanced")
    assert (fast.shape_px_, balanced.shape_px_) == ((32, 32), (64, 64))
    sizes = [sum(a.nbytes for a in found.arrays().values()) for found in (fast, balanced)]
    assert 2 * sizes[0] < sizes[1]
    assert fast.estimate_fit_bytes(1000) < balanced.estimate_fit_bytes(1000)


def test_each_speed_reads_large_images_in_finer_detail_than_the_one_before():
    detectors = [Auto(size_px=64, speed=name) for name in SPEEDS]
    for detector in detectors:
        detector.look_at(_large())
    assert [detector.shape_px_ for detector in detectors] == [(64, 64), (128, 128), (256, 256)]
    coarse = Auto(size_px=64, detail_ratio=1.0, speed="fast")
    coarse.look_at(_large())
    assert coarse.shape_px_ == (64, 64)


def test_costs_are_told_of_what_there_is_to_do(monkeypatch):
    plans = []
    monkeypatch.setattr("defectory.detectors.auto.measure_cost", lambda *told: plans.append(told))
    labels = np.array([-1] * 90 + [0] * 5 + [1] * 5, np.int8)
    images = ArrayImages(products(2) * 50)
    Auto(**_QUICK).estimate_cost(images, labels)
    Auto(**_QUICK, use_labels=False, use_refit=False).estimate_cost(
        images, labels, np.arange(100) // 50
    )
    Auto(**_QUICK).estimate_cost(ArrayImages(products(40)), np.zeros(40, np.int8))
    assert [told[-1] for told in plans] == [
        PlannedFit(n_images=95, is_by_folds=False, is_taught=True, may_refit=True),
        PlannedFit(n_images=95, is_by_folds=True, is_taught=False, may_refit=False),
        PlannedFit(n_images=40, is_by_folds=True, is_taught=False, may_refit=False),
    ]
    assert {len(told[2]) for told in plans} == {N_TIMED}


def test_there_is_no_cost_where_there_is_nothing_to_learn_from():
    images = ArrayImages(products(3))
    assert Auto(**_QUICK).estimate_cost(images, np.array([1, 1, 0], np.int8)) is None
