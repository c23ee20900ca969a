"""A time budget is planned by what reading may take of it."""

import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from defectory.detectors import detector_names, find_detector
from defectory.domain import Label, ParameterError, ResourceError
from defectory.sources import Dataset, Sample
from defectory.workflows.fitting.limits import Limits

N = 200


def _planned(
    budget_s, share, overhead=0, seconds_each=0.1, labels=(Label.UNLABELED,) * N, uses=True
):
    samples = tuple(
        Sample(Path(f"{i:03d}.png"), label, None, "", None, None, f"{i:03d}")
        for i, label in enumerate(labels)
    )
    detector = SimpleNamespace(
        reading_share=share,
        overhead=overhead,
        time_reading=lambda images: seconds_each,
        capabilities=SimpleNamespace(uses_labeled_anomalies=uses),
    )
    train = Dataset(Path(), "flat", samples)
    return Limits(budget_s, None).keep_time(detector, train, 0, time.monotonic())


@pytest.fixture(autouse=True)
def nothing_is_simulated(monkeypatch):
    monkeypatch.setattr("defectory.workflows.fitting.limits.N_SIMULATED", 0)


def test_defects_that_are_simulated_take_their_time(monkeypatch):
    without = len(_planned(20, 0.5)[0])
    monkeypatch.setattr("defectory.workflows.fitting.limits.N_SIMULATED", 40)
    assert without - 22 <= len(_planned(20, 0.5)[0]) <= without - 18


@pytest.mark.parametrize(
    ("budget_s", "share", "overhead", "n"),
    [(20, 0.5, 0, 100), (20, 0.2, 0, 40), (50, 0.35, 0, 175), (50, 0.5, 200, 150)],
)
def test_as_many_images_are_kept_as_reading_has_time_for(budget_s, share, overhead, n):
    kept, (note,) = _planned(budget_s, share, overhead)
    assert n - 1 <= len(kept) <= n
    assert [sample.name for sample in kept.samples] == sorted({s.name for s in kept.samples})
    assert f"learned from {len(kept)} images drawn at random from {N}" in note


def _labels(n_normal, n_anomalous):
    """Labels of N images, mixed."""
    labels = [Label.NORMAL] * n_normal + [Label.ANOMALOUS] * n_anomalous
    labels += [Label.UNLABELED] * (N - len(labels))
    return tuple(np.array(labels)[np.random.default_rng(0).permutation(N)])


def _kept(labels, n, uses=True):
    kept, (note,) = _planned(0.2 * n, 0.5, labels=labels, uses=uses)
    assert ("labeled ones first" in note) == any(label != Label.UNLABELED for label in labels)
    return [int((kept.labels == label).sum()) for label in Label]


def test_no_labeled_image_goes_while_unlabeled_ones_are_left():
    assert list(Label) == [Label.UNLABELED, Label.NORMAL, Label.ANOMALOUS]
    unlabeled, normal, anomalous = _kept(_labels(30, 10), 60)
    assert (normal, anomalous) == (30, 10)
    assert 18 <= unlabeled <= 20
    unlabeled, normal, anomalous = _kept(_labels(80, 20), 60)
    assert unlabeled == 0
    assert normal > 0 < anomalous


def test_defects_that_are_not_learned_from_do_not_take_the_place_of_others():
    unlabeled, normal, anomalous = _kept(_labels(30, 100), 60, uses=False)
    assert (normal, anomalous) == (30, 0)
    assert 28 <= unlabeled <= 30


def test_a_budget_that_is_long_enough_or_missing_leaves_all_images():
    for budget_s in (60, None):
        kept, notes = _planned(budget_s, 0.5)
        assert (len(kept), notes) == (N, ())


def test_a_budget_for_a_handful_of_images_is_refused_with_what_is_needed():
    with pytest.raises(
        ResourceError, match="fitting on 16 images needs about 8 s; allow more time"
    ):
        _planned(2, 0.2)
    with pytest.raises(ResourceError, match="needs about 23 s; allow more time"):
        _planned(21, 0.5, overhead=200)


def test_every_detector_leaves_time_for_the_rest():
    for detector in map(find_detector, detector_names()):
        assert 0 < detector.reading_share < 1


def test_a_device_is_for_detectors_that_train_networks():
    with pytest.raises(ParameterError, match="gaussian needs no such device; leave device out"):
        Limits(None, None, "cpu").check_device(find_detector("gaussian")())
    Limits(None, None).check_device(find_detector("gaussian")())
    Limits(None, None, "cpu").check_device(find_detector("mapl")())


def test_a_device_that_is_not_there_is_refused_before_anything_is_read(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(ParameterError, match="no CUDA"):
        Limits(None, None, "cuda").check_device(find_detector("mapl")())


def test_the_device_reaches_training():
    detector = find_detector("mapl")()
    found = Limits(None, None, "cpu").training_resources(detector, None, keep=False)
    assert found.device == "cpu"
