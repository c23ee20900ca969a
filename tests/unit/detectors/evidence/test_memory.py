from dataclasses import replace

import numpy as np
import pytest

from defectory.detectors.evidence import memory as module
from defectory.detectors.evidence.memory import LearnedImages, RememberedImages
from defectory.detectors.evidence.normality import Normality
from defectory.domain import Label, ParameterError
from tests.unit.detectors.evidence.fake_features import (
    N_PLACES,
    SHAPE_PX,
    features,
    known_of,
    standardized,
)

UNLABELED, NORMAL, ANOMALOUS = (
    int(code) for code in (Label.UNLABELED, Label.NORMAL, Label.ANOMALOUS)
)
CODES = [ANOMALOUS, UNLABELED, NORMAL, UNLABELED, ANOMALOUS, UNLABELED]
N = len(CODES)
NAMES = [f"{i:x}0ffee{i:06d}" for i in range(N)]
PRESUMED = np.array([False, True, True, True, False, False])
"""The last image is a suspect: neither labeled nor presumed normal."""
GROUPS = [7, 7, 3, 0, 9, 3]
PARTS = ("places", "patches", "image")


@pytest.fixture(scope="module")
def normality():
    return standardized(features(20))[0]


def _known(normality, codes=CODES, seed=0):
    samples = normality.sample(features(len(codes), seed=9 + seed))
    coverage = np.full((len(codes), N_PLACES), np.nan)
    coverage[np.array(codes) == ANOMALOUS] = np.arange(N_PLACES) < 2 + seed
    return known_of(
        codes,
        coverage,
        groups=GROUPS[: len(codes)],
        measured=normality.measure(samples),
        described=normality.describe(samples),
    )


def _memory(normality):
    known = _known(normality)
    return RememberedImages.of(known, NAMES, PRESUMED, np.random.default_rng(0))


def test_all_images_are_remembered_and_which_are_presumed_normal(normality):
    memory, known = _memory(normality), _known(normality)
    assert memory.names == tuple(NAMES)
    np.testing.assert_array_equal(memory.is_presumed, PRESUMED)
    np.testing.assert_array_equal(memory.known.indices, np.arange(N))
    np.testing.assert_array_equal(memory.known.groups, GROUPS)
    np.testing.assert_array_equal(memory.known.described, known.described)
    np.testing.assert_array_equal(memory.confirmed, [0, 2, 4])


def test_of_many_images_some_are_remembered(normality, monkeypatch):
    monkeypatch.setattr(module, "_N_NORMAL", 2)
    monkeypatch.setattr(module, "_N_ANOMALOUS", 1)
    known, drawn = _known(normality), set()
    for seed in range(20):
        found = RememberedImages.of(known, NAMES, PRESUMED, np.random.default_rng(seed))
        assert (found.known.codes == ANOMALOUS).sum() == 1
        assert (found.known.codes != ANOMALOUS).sum() == 2
        for name, described in zip(found.names, found.known.described, strict=True):
            np.testing.assert_array_equal(described, known.described[NAMES.index(name)])
        rows = [NAMES.index(name) for name in found.names]
        np.testing.assert_array_equal(found.is_presumed, PRESUMED[rows])
        np.testing.assert_array_equal(found.known.groups, np.array(GROUPS)[rows])
        drawn.update(found.names)
        others = [
            i for i, name in enumerate(NAMES) if name not in found.names and CODES[i] != ANOMALOUS
        ]
        assert found.rest.names == tuple(NAMES[i] for i in others)
        np.testing.assert_array_equal(found.rest.groups, np.array(GROUPS)[others])
        for part in PARTS:
            kept = getattr(found.rest.measured, part)
            np.testing.assert_allclose(kept, getattr(known.measured, part)[others], rtol=1e-3)
    assert drawn == set(NAMES)


def test_new_labels_give_way_to_all_but_distances(normality):
    memory = _memory(normality)
    new = _known(normality, [ANOMALOUS, NORMAL, NORMAL], seed=1)
    found = memory.with_labels(new, [NAMES[3], "facade123456", NAMES[0]])
    assert found.names == (*memory.names, "facade123456")
    assert found.known.codes.tolist() == [
        NORMAL, UNLABELED, NORMAL, ANOMALOUS, ANOMALOUS, UNLABELED, NORMAL,
    ]  # fmt: skip
    assert found.is_presumed.tolist() == [True, True, True, False, False, False, True]
    np.testing.assert_array_equal(found.known.indices, np.arange(N + 1))
    np.testing.assert_array_equal(found.known.coverage[3], new.coverage[0])
    assert np.isnan(found.known.coverage[0]).all()
    for part in PARTS:
        values = getattr(found.known.measured, part)
        np.testing.assert_array_equal(values[:N], getattr(memory.known.measured, part))
        np.testing.assert_allclose(values[N], getattr(new.measured, part)[1], rtol=1e-3)
    assert memory.known.codes.tolist() == CODES


def test_an_image_of_the_fit_keeps_its_distances_though_its_components_were_forgotten(
    normality, monkeypatch
):
    """Measured by a model that has learned from it, a good image would look better than any new one."""
    monkeypatch.setattr(module, "_N_NORMAL", 2)
    memory = _memory(normality)
    forgotten, left = memory.rest.names
    new = _known(normality, [NORMAL, NORMAL], seed=1)
    found = memory.with_labels(new, ["facade123456", forgotten])
    assert found.names == (*memory.names, forgotten, "facade123456")
    assert found.rest.names == (left,)
    for part in PARTS:
        of_fit, fresh = getattr(found.known.measured, part)[-2:]
        np.testing.assert_array_equal(of_fit, getattr(memory.rest.measured, part)[0])
        np.testing.assert_allclose(fresh, getattr(new.measured, part)[0], rtol=1e-3)
    np.testing.assert_array_equal(found.known.described[-2], new.described[1])
    assert found.known.groups[-2] == GROUPS[NAMES.index(forgotten)]
    assert found.known.groups[-1] > max(GROUPS)
    assert found.known.codes[-2:].tolist() == [NORMAL, NORMAL]


def test_some_distances_are_measured_anew(normality):
    memory, new = _memory(normality), _known(normality, [NORMAL, NORMAL], seed=1)
    found = memory.measured_anew(new, [NAMES[4], NAMES[1]])
    for part in PARTS:
        values, old = (getattr(of.known.measured, part) for of in (found, memory))
        np.testing.assert_allclose(values[[4, 1]], getattr(new.measured, part), rtol=1e-3)
        np.testing.assert_array_equal(values[[0, 2, 3, 5]], old[[0, 2, 3, 5]])
    np.testing.assert_array_equal(found.known.codes, memory.known.codes)


def test_images_that_were_learned_from_are_known_by_name(normality, monkeypatch):
    monkeypatch.setattr(module, "_N_NORMAL", 2)
    learned = LearnedImages(("0badcafe0000", "0badcafe0001"), np.array([12, 40]))
    memory = replace(_memory(normality), learned=learned)
    asked = ["0badcafe0001", NAMES[0], memory.rest.names[0], "facade123456"]
    assert memory.learned.groups_of(asked).tolist() == [40, -1, -1, -1]
    assert LearnedImages().groups_of(asked).tolist() == [-1, -1, -1, -1]
    again = RememberedImages.restore(memory.arrays(), normality)
    assert again.learned.groups_of(asked).tolist() == [40, -1, -1, -1]
    assert again.rest.names == memory.rest.names


def test_doubts_end_with_a_label(normality, monkeypatch):
    monkeypatch.setattr(module, "_N_NORMAL", 2)
    known = _known(normality)
    rng, doubted = np.random.default_rng(0), frozenset((NAMES[1], NAMES[5]))
    memory = RememberedImages.of(known, NAMES, PRESUMED, rng, doubted=doubted)
    # a labeled defect, what is doubted, what is not, and what is new
    asked = [NAMES[0], NAMES[1], NAMES[3], "facade123456"]
    assert memory.are_learned(asked).tolist() == [False, False, True, False]
    again = RememberedImages.restore(memory.arrays(), normality)
    assert again.doubted == doubted
    taught = again.with_labels(_known(normality, [NORMAL]), [NAMES[1]])
    assert taught.doubted == {NAMES[5]}
    assert taught.are_learned(asked).tolist() == [False, True, True, False]


def test_a_bundle_from_before_they_were_known_is_read(normality):
    arrays = {
        k: a
        for k, a in _memory(normality).arrays().items()
        if not k.startswith(("learned", "doubted"))
    }
    found = RememberedImages.restore(arrays, normality)
    assert (found.names, len(found.rest), found.learned.names) == (tuple(NAMES), 0, ())
    assert not found.doubted


def test_a_suspect_that_is_labeled_normal_is_presumed_normal(normality):
    found = _memory(normality).with_labels(_known(normality, [NORMAL], seed=1), NAMES[5:])
    assert found.names == tuple(NAMES)
    assert found.is_presumed.tolist() == [False, True, True, True, False, True]


def test_groups_of_new_labels_are_none_of_the_fit(normality):
    """Numbers of one list mean nothing in another."""
    memory, new = _memory(normality), _known(normality, [NORMAL] * 4, seed=1)
    found = memory.with_labels(new, ["facade123456", "facade123457", NAMES[2], "facade123458"])
    assert found.known.groups[:N].tolist() == GROUPS
    added = found.known.groups[N:]
    assert added[0] == added[1] != added[2]
    assert not set(added.tolist()) & set(GROUPS)


def test_what_is_remembered_in_a_line(normality):
    assert _memory(normality).explain() == (
        "remembered: 1 images labeled normal, 2 labeled defective (2 with a mask), 3 unlabeled"
    )


@pytest.mark.parametrize("has_new_labels", [False, True])
def test_what_is_restored_is_the_same(normality, has_new_labels):
    """Bit for bit: an update goes the same way before and after saving."""
    memory = _memory(normality)
    if has_new_labels:
        new = _known(normality, [ANOMALOUS, ANOMALOUS], seed=1)
        new.coverage[:] = np.random.default_rng(0).random(new.coverage.shape)
        memory = memory.with_labels(new, [NAMES[3], "facade123456"])
    again = RememberedImages.restore(memory.arrays(), normality)
    assert again.names == memory.names
    np.testing.assert_array_equal(again.is_presumed, memory.is_presumed)
    np.testing.assert_array_equal(again.known.codes, memory.known.codes)
    together = [groups[:, None] == groups for groups in (again.known.groups, memory.known.groups)]
    np.testing.assert_array_equal(*together)
    np.testing.assert_array_equal(again.known.coverage, memory.known.coverage)
    np.testing.assert_array_equal(again.known.described, memory.known.described)
    assert again.known.described.dtype == np.int8
    for part in PARTS:
        found, expected = (getattr(of.known.measured, part) for of in (again, memory))
        np.testing.assert_array_equal(found, expected)
        assert found.dtype == np.float32


def test_restore_refuses_what_does_not_fit(normality):
    arrays = _memory(normality).arrays()
    for name in (name for name in arrays if name not in ("learned_names", "doubted")):
        with pytest.raises(ParameterError, match=f"{name!r} is missing"):
            RememberedImages.restore({k: a for k, a in arrays.items() if k != name}, normality)
        with pytest.raises(ParameterError, match="expected"):
            RememberedImages.restore({**arrays, name: arrays[name][None]}, normality)
    with pytest.raises(ParameterError, match="none of Label"):
        RememberedImages.restore({**arrays, "codes": arrays["codes"] + 5}, normality)
    for damaged in (-1, 0.5, N, 1e30):
        groups = np.full(N, damaged, np.float32)
        with pytest.raises(ParameterError, match="group"):
            RememberedImages.restore({**arrays, "groups": groups}, normality)
    with pytest.raises(ParameterError, match="expected"):
        RememberedImages.restore({**arrays, "names": arrays["names"][:, :3]}, normality)
    for damaged in (arrays["names"] + 0.5, arrays["names"] - 4096, arrays["names"] + 4096):
        with pytest.raises(ParameterError, match="damaged"):
            RememberedImages.restore({**arrays, "names": damaged}, normality)
    larger = Normality((64, 128))
    larger.variances_ = normality.variances_
    assert larger.n_components == normality.n_components
    with pytest.raises(ParameterError, match="expected"):
        RememberedImages.restore(arrays, larger)
    assert Normality(SHAPE_PX).grid.n_places == N_PLACES


@pytest.mark.parametrize("labeled", [0, 2])
def test_of_copies_one_is_remembered_and_a_label_is_of_them_all(normality, labeled):
    codes = [UNLABELED, UNLABELED, UNLABELED, NORMAL]
    codes[labeled] = NORMAL
    known, names = _known(normality, codes), ["a" * 12, "b" * 12, "a" * 12, "c" * 12]
    memory = RememberedImages.of(known, names, np.ones(4, bool), np.random.default_rng(0))
    assert sorted(memory.names) == ["a" * 12, "b" * 12, "c" * 12]
    assert not len(memory.rest)
    copy = memory.names.index("a" * 12)
    assert memory.known.codes[copy] == NORMAL
    new = _known(normality, [ANOMALOUS], seed=1)
    taught = memory.with_labels(new, ["a" * 12])
    assert len(taught) == 3
    assert taught.known.codes[copy] == ANOMALOUS
    assert not taught.is_presumed[copy]


def test_as_many_groups_as_can_be_are_remembered(normality, monkeypatch):
    monkeypatch.setattr(module, "_N_NORMAL", 3)
    known = _known(normality, [NORMAL] * 6)
    assert len(set(GROUPS)) == 4
    for seed in range(5):
        rng = np.random.default_rng(seed)
        memory = RememberedImages.of(known, NAMES, np.ones(6, bool), rng)
        assert len(memory) == len(set(memory.known.groups)) == 3


def test_the_same_label_without_a_mask_takes_no_mask_away(normality):
    memory = _memory(normality)
    defect = CODES.index(ANOMALOUS)
    marked = memory.known.coverage[defect]
    assert np.isfinite(marked).all()
    again = _known(normality, [ANOMALOUS], seed=1)
    bare = replace(again, coverage=np.full_like(again.coverage, np.nan))
    taught = memory.with_labels(bare, [NAMES[defect]])
    np.testing.assert_array_equal(taught.known.coverage[defect], marked)
    other = memory.with_labels(again, [NAMES[defect]]).known.coverage[defect]
    assert not np.array_equal(other, marked)
    good = replace(bare, codes=np.array([NORMAL], np.int8))
    assert np.isnan(memory.with_labels(good, [NAMES[defect]]).known.coverage[defect]).all()
