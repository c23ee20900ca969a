"""What labels, masks, suspects and corrections change in `auto`, on small pictures with planted squares."""

import numpy as np
import pytest

from defectory.detectors.auto import Auto
from defectory.detectors.gaussian import Gaussian
from defectory.domain import ArrayImages, Label, NotFittedError, ParameterError
from defectory.metrics import auroc
from defectory.testing.pictures import ArrayMasks, planted, products

_QUICK = {"size_px": 64, "n_steps": 60, "n_simulated": 8}
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
    assert [verdict["name"] for verdict in found.decisions_] == ["simulated defects"]


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
    names = [verdict["name"] for verdict in contaminated.decisions_]
    assert names == ["simulated defects", "pseudo-labels", "refit"]
    assert 2 <= len(contaminated.account_) <= 4


def test_suspects_do_not_raise_the_threshold(contaminated):
    odd = contaminated.score(ArrayImages([planted(i, _PLACE) for i in products(3, seed=7)]))
    assert (odd.image_scores > contaminated.held_out_scores_.max()).all()


def test_what_a_contaminated_folder_taught_survives_the_bundle(contaminated):
    """The networks that see what images look like, and the refit's shrinkage, which updates go by."""
    again = Auto(**contaminated.config()).restore(contaminated.arrays(), contaminated.backbone_)
    images = ArrayImages([*products(3, seed=7), *(planted(i, _PLACE) for i in products(3, seed=7))])
    found, expected = again.score(images), contaminated.score(images)
    np.testing.assert_array_equal(found.image_scores, expected.image_scores)
    good = ArrayImages(products(1, seed=3))
    revised, other = (d.update(good, [0]).detector for d in (again, contaminated))
    np.testing.assert_array_equal(
        revised.score(images).image_scores, other.score(images).image_scores
    )
    assert again.normality_.shrinkage == contaminated.normality_.shrinkage == np.float32(0.1)
    assert Auto(size_px=64)._make_normality().shrinkage < 0.1


def test_parts_that_are_off_leave_normality_alone():
    images, labels, _ = _known()
    off = Auto(size_px=64, use_labels=False, n_simulated=0).fit(images, labels)
    alone = Gaussian(size_px=64).fit(images, labels)
    good = ArrayImages(products(6, seed=3))
    found, expected = (d.score(good).image_scores for d in (off, alone))
    assert off.images_ is None
    assert off.places_ is None
    assert np.corrcoef(found, expected)[0, 1] > 0.9999


def test_maps_are_spread_over_what_looks_alike_and_held_out_ones_too(taught, test_images):
    plain = Auto(**_QUICK, use_spread=False).fit(*_known())
    found, expected = taught.score(test_images), plain.score(test_images)
    np.testing.assert_array_equal(found.image_scores, expected.image_scores)
    for one, other in zip(found.anomaly_maps, expected.anomaly_maps, strict=True):
        assert not np.allclose(one, other, atol=0.1)
    same = plain.held_out_scores_ == taught.held_out_scores_
    assert same.all()
    assert not np.isclose(plain.held_out_peaks_, taught.held_out_peaks_).all()
    good = ArrayImages(products(1, seed=3))
    again, without = (d.update(good, [0]).detector for d in (taught, plain))
    assert not np.isclose(again.held_out_peaks_, without.held_out_peaks_).all()


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
    assert (
        len(revision.detector.held_out_scores_) == len(taught.memory_.is_presumed.nonzero()[0]) + 1
    )


def test_update_changes_its_mind_about_an_image_it_knows(taught):
    images, _, _ = _known()
    one = ArrayImages(images.read([0]))
    revised = taught.update(one, [1]).detector
    place = revised.memory_.names.index(one.fingerprint(0)[:12])
    assert len(revised.memory_) == len(taught.memory_)
    assert revised.memory_.study.codes[place] == Label.ANOMALOUS
    assert not revised.memory_.is_presumed[place]
    again = revised.update(one, [0]).detector
    assert again.memory_.is_presumed[place]


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
        ("top_ratio", 0.0), ("least_sure", 1.5), ("map_weight", -1.0), ("mixup", -0.1),
        ("n_simulated", -1), ("n_steps", 0), ("blur_px", 0.0),
    ],
)  # fmt: skip
def test_settings_out_of_range_are_refused(setting, value):
    with pytest.raises(ParameterError, match=setting):
        Auto(**{**_QUICK, setting: value}).fit(ArrayImages(products(3)))
