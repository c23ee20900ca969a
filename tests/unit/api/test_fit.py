"""`defectory.fit`: what it refuses, what it warns of, what it leaves alone."""

import warnings
from math import nan

import numpy as np
import pytest

import defectory
from defectory import DefectoryWarning, Gaussian, PatchMemory
from defectory.domain import DataError, ImageReadError, ParameterError
from tests.pictures import save
from tests.unit.api.conftest import SIZE_PX


@pytest.mark.parametrize(
    ("setting", "value", "says"),
    [
        ("seed", -1, "seed is -1; give an integer of at least 0"), ("seed", 0.5, "seed is 0.5; give a whole"),
        ("size", nan, "size is nan; give a whole number"), ("size", "256", "size is '256'; give a whole"),
        ("tiles", True, "tiles is True; give a whole number"),
        ("time_budget", nan, "time_budget is nan; give a number"),
        ("time_budget", "10m", "time_budget is '10m'; give a number"),
        ("max_memory", "2GB", "max_memory is '2GB'; give a number"),
        ("false_reject_rate", nan, "false_reject_rate is nan; give a number"),
        ("false_reject_rate", "1 %", "false_reject_rate is '1 %'; give a number"),
        ("false_reject_rate", 1, "false-reject rate is 1; give a number between 0 and 1"),
        ("confidence", 2.0, "confidence is 2.0; give a number between 0 and 1"),
        ("miss_rate", "5 %", "miss_rate is '5 %'; give a number"),
        ("miss_rate", nan, "miss_rate is nan; give a number"),
        ("confidence", 95, "confidence is 95; give a number between 0 and 1, such as 0.95"),
        ("miss_rate", 5, "miss rate is 5; give a number between 0 and 1"),
        ("time_budget", 0, "time_budget is 0; give more than 0, or None for no limit"),
        ("max_memory", -1, "max_memory is -1; give more than 0, or None for no limit"),
        ("skip_unreadable", "no", "skip_unreadable is 'no'; give True or False"),
        ("cache", "/tmp/x", "cache is '/tmp/x'; give True or False"),
        ("backbone", None, "backbone is None; give text"), ("device", 3, "device is 3; give text"),
        ("progress", True, "progress is True; give an object with start, advance, note and say, or None"),
        ("good_words", "fein", "good_words is 'fein'; give a list of words"),
        ("bad_words", 5, "bad_words is 5; give a list of words"),
        ("detector", "padim", "no detector is named 'padim'; there are auto, gaussian"),
        ("detector", Gaussian, "detector is Gaussian; give a name such as 'auto', or a detector object"),
        ("detector", 3, "detector is int; give a name"),
        ("device", "tpu", "no device is named 'tpu'"),
    ],
)  # fmt: skip
def test_settings_are_refused_before_the_images_are_read(setting, value, says, tmp_path):
    broken = [tmp_path / name for name in ("a.png", "b.png")]
    for path in broken:
        path.write_bytes(b"no picture")
    with pytest.raises(ParameterError) as caught:
        defectory.fit(broken, **{setting: value})
    assert str(caught.value).startswith(says)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"size": 128}, "size_px is 128, but the gaussian given has 64; set it there"),
        ({"tiles": 2}, "n_tiles is 2, but the gaussian given has 1"),
        ({"seed": 3}, "seed is 3, but the gaussian given has 0"),
    ],
)
def test_a_detector_object_keeps_its_own_settings(settings, says, good):
    with pytest.raises(ParameterError, match=says):
        defectory.fit(good, detector=Gaussian(size_px=SIZE_PX), **settings)


def test_a_detector_object_is_used_and_not_changed(good):
    detector = PatchMemory(size_px=SIZE_PX, seed=5)
    before = dict(vars(detector))
    with pytest.warns(DefectoryWarning):
        model = defectory.fit(good, detector=detector, size=SIZE_PX)
    assert vars(detector) == before
    assert repr(model).startswith("Model(patch-memory, ")
    assert model.facts["seed"] == 5


def test_inputs_stay_as_they_are(good):
    images = np.stack(good)
    images.flags.writeable = False
    labels = np.zeros(len(good), int)
    labels.flags.writeable = False
    kept = images.copy()
    with pytest.warns(DefectoryWarning):
        defectory.fit(images, labels, detector=Gaussian(size_px=SIZE_PX))
    np.testing.assert_array_equal(images, kept)


def test_a_folder_paths_and_arrays_give_the_same_scores(parts, good, defects):
    detector = Gaussian(size_px=SIZE_PX)
    files = sorted((parts / "train/good").glob("*.png"))
    from defectory.sources import read_image

    arrays = [read_image(path) for path in files]
    gray_labels = [0] * len(files)
    with pytest.warns(DefectoryWarning):
        models = [
            defectory.fit(parts, detector=detector, cache=False),
            defectory.fit(files, gray_labels, detector=detector, cache=False),
            defectory.fit(np.stack(arrays), gray_labels, detector=detector, cache=False),
            defectory.fit(arrays, ["good"] * len(files), detector=detector, cache=False),
        ]
    tests = [*good, defects[0][0]]
    first, *others = (model.decision_function(tests).tolist() for model in models)
    assert others == [first] * 3


def test_a_note_of_the_command_line_is_a_warning_once_a_fit_at_the_callers_line(good):
    for _ in range(2):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            defectory.fit(good, assume_good=True, detector=Gaussian(size_px=SIZE_PX))
        assert [(w.category, w.filename) for w in caught] == [(DefectoryWarning, __file__)]
        assert "needs 283 more good images than the 16 there are" in str(caught[0].message)


def test_a_promise_that_is_kept_needs_no_warning(good):
    settings = {"detector": Gaussian(size_px=SIZE_PX), "false_reject_rate": 0.4}
    model = defectory.fit(good, assume_good=True, **settings)
    assert model.threshold.is_kept


def test_thresholds_count_groups(good):
    settings = {"detector": Gaussian(size_px=SIZE_PX), "false_reject_rate": 0.4}
    pairs = [f"part {i // 2}" for i in range(16)]
    model = defectory.fit(good, groups=pairs, assume_good=True, **settings)
    assert (model.threshold.n_normals, model.threshold.n_groups) == (16, 8)
    with pytest.warns(DefectoryWarning, match="Estimated, not promised"):
        model = defectory.fit(good, groups=pairs, **settings)
    assert model.threshold.basis == "estimated"
    with pytest.raises(ParameterError, match="groups: 3 for 16 images"):
        defectory.fit(good, groups=[1, 2, 3])


def test_broken_files_stop_the_fit_or_are_left_out_with_a_warning(good, tmp_path):
    paths = [save(tmp_path / f"{i}.png", image) for i, image in enumerate(good)]
    paths[3].write_bytes(b"no picture")
    detector = Gaussian(size_px=SIZE_PX)
    with pytest.raises(ImageReadError, match=r"3\.png"):
        defectory.fit(paths, detector=detector)
    with pytest.warns(DefectoryWarning, match=r"left out, cannot be read: .*3\.png"):
        model = defectory.fit(
            paths, detector=detector, assume_good=True, skip_unreadable=True, false_reject_rate=0.4
        )
    assert "15 images" in repr(model)


def test_one_image_is_too_few(good):
    with pytest.raises(DataError, match="at least 2"):
        defectory.fit(good[0], detector=Gaussian(size_px=SIZE_PX))


def test_suspects_of_arrays_have_names(good):
    from tests.unit.workflows.teachable import SUSPECTS, Teachable

    with pytest.warns(DefectoryWarning):
        model = defectory.fit(good, detector=Teachable(size_px=SIZE_PX))
    assert [found.name for found in model.suspects] == [f"images[{s.index}]" for s in SUSPECTS]
    assert model.suspects[0].reason == SUSPECTS[0].reason
