"""Every check catches the fault it is there for: a sound detector, spoiled in one way a check."""

import inspect
import random
import socket
from dataclasses import replace

import numpy as np
import pytest

from defectory.detectors import DETECTORS
from defectory.detectors.patch_memory import PatchMemory
from defectory.domain import ArrayImages, Scores, own_groups
from defectory.testing.checks import (
    BACKBONE_CHECKS,
    DETECTOR_CHECKS,
    backbone,
    contract,
    learning,
    purity,
    shipping,
)
from defectory.testing.subjects import DetectorSubject
from tests.conformance.test_detectors import fast


def _spoil(**methods):
    """A PatchMemory whose methods are replaced by functions of (sound method, self, arguments)."""
    members = {}
    for name, spoiled in methods.items():
        sound = getattr(PatchMemory, name)

        def method(self, *args, _spoiled=spoiled, _sound=sound, **keywords):
            return _spoiled(lambda *a, **k: _sound(self, *a, **k), self, *args, **keywords)

        members[name] = method
    members.setdefault("__init__", PatchMemory.__init__)
    members["__signature__"] = inspect.signature(PatchMemory)
    return type("Spoiled", (PatchMemory,), members)


def _after(change):
    """The sound method, then change(detector, arguments)."""

    def spoiled(sound, self, *args, **keywords):
        result = sound(*args, **keywords)
        change(self, *args)
        return result

    return spoiled


def _scores(change):
    return _spoil(score=lambda sound, self, images: change(sound(images)))


def _nan(scores):
    return replace(scores, image_scores=scores.image_scores * np.float32(np.nan))


def _fit_on_noise(sound, self, images, *args):
    noise = np.random.default_rng(1).integers(0, 256, (12, 96, 96, 3), dtype=np.uint8)
    return sound(ArrayImages(noise))


def _keep_half_a_fit(sound, self, *args):
    try:
        return sound(*args)
    except BaseException:
        self.backbone_ = None
        raise


def _learn_from_truth(sound, self, images, *args):
    truth = getattr(images, "truth", np.zeros(len(images)))
    good = [images.read([i])[0] for i in np.flatnonzero(truth == 0)]
    return sound(ArrayImages(good))


def _change_held_out(self, change):
    self.held_out_ = replace(self.held_out_, scores=change(self.held_out_.scores))


def _draw(self, *_):
    _change_held_out(self, lambda s: s + np.float32(np.random.default_rng().random()))


def _lower(self, *_):
    _change_held_out(self, lambda s: s * np.float32(0.01))


def _forget_groups(sound, self, images, *args, groups=None):
    """Learn without groups, and say that there were some."""
    result = sound(images, *args)
    self.held_out_ = replace(self.held_out_, groups=own_groups(len(images), groups))
    return result


def _hold_out_every_third(sound, self, images, *args, **keywords):
    result = sound(images, *args, **keywords)
    self.held_out_ = self.held_out_.take(np.arange(0, len(images), 3))
    return result


def _number_groups_wrongly(sound, self, images, *args, **keywords):
    result = sound(images, *args, **keywords)
    self.held_out_ = replace(self.held_out_, groups=np.arange(len(images)) // 4)
    return result


def _shift(self, *_):
    self.mean_ = self.mean_ + np.float32(1e-3)


def _refuse_sizes(sound, self, images, *args):
    if len({image.shape for image in images.read(range(len(images)))}) > 1:
        raise ValueError("all images must have one size")
    return sound(images, *args)


def _refuse_constants(sound, self, images, *args):
    result = sound(images, *args)
    if np.ptp(images.read([1])[0]) == 0:
        _change_held_out(self, lambda s: s / np.float32(0) * 0)
    return result


def _halve_maps_of_tiles(sound, self, images):
    scores = sound(images)
    if self.n_tiles == 1:
        return scores
    return replace(scores, anomaly_maps=[heat[::2, ::2] for heat in scores.anomaly_maps])


SPOILED = {
    "init_only_stores": _spoil(__init__=_after(lambda self, *_: setattr(self, "extra", 1))),
    "config_is_json_and_makes_an_equal_detector": _spoil(
        config=lambda sound, self: {k: v for k, v in sound().items() if k != "seed"}
    ),
    "fit_returns_self": _spoil(fit=lambda sound, self, *args: sound(*args) and None),
    "unfitted_is_an_error": _spoil(_check_fitted=lambda sound, self: None),
    "a_failed_fit_leaves_it_unfitted": _spoil(fit=_keep_half_a_fit),
    "inputs_stay_as_they_are": _spoil(fit=_after(lambda self, images, labels: labels.sort())),
    "scoring_changes_nothing": _spoil(score=_after(lambda self, _: setattr(self, "n_scored_", 1))),
    "scores_are_sound": _scores(_nan),
    "defects_score_higher_and_scores_vary": _scores(
        lambda s: replace(s, image_scores=np.ones_like(s.image_scores))
    ),
    "the_peak_lies_in_the_defect": _scores(
        lambda s: replace(s, anomaly_maps=[heat[:, ::-1] for heat in s.anomaly_maps])
    ),
    "trained_beats_untrained": _spoil(fit=_fit_on_noise),
    "companions_and_order_do_not_matter": _scores(
        lambda s: replace(s, image_scores=s.image_scores - s.image_scores.min())
    ),
    "same_seed_same_result_whatever_the_threads": _spoil(fit=_after(_draw)),
    "global_random_state_is_untouched_and_unused": _spoil(fit=_after(lambda *_: random.random())),
    "hidden_truth_changes_nothing": _spoil(fit=_learn_from_truth),
    "labeled_anomalies_are_not_taken_for_normal": _spoil(
        fit=lambda sound, self, images, labels=None: sound(images)
    ),
    "a_saved_bundle_scores_the_same": _spoil(restore=_after(_shift)),
    "a_refit_equals_a_fresh_fit": _spoil(
        fit=lambda sound, self, images: self if hasattr(self, "bank_") else sound(images)
    ),
    "no_network_is_needed": _spoil(fit=_after(lambda *_: socket.socket().close())),
    "any_sizes_gray_and_few_images_can_be_learned_from": _spoil(fit=_refuse_sizes),
    "few_images_already_tell_defects": _scores(lambda s: Scores(-s.image_scores, s.anomaly_maps)),
    "tiles_give_finer_maps": _spoil(score=_halve_maps_of_tiles),
    "a_bundle_with_tiles_scores_the_same": _spoil(restore=_after(_shift)),
    "its_graph_scores_the_same": _scores(
        lambda s: replace(s, image_scores=s.image_scores + np.float32(0.01))
    ),
    "its_graph_of_tiles_scores_the_same": _spoil(score=_halve_maps_of_tiles),
    "reading_is_timed": _spoil(time_reading=lambda sound, self, images: 0.0),
    "constant_images_do_no_harm": _spoil(fit=_refuse_constants),
    "a_cache_gives_the_same_again": _spoil(fit=_after(_draw)),
    "held_out_scores_look_like_scores_of_new_normals": _spoil(fit=_after(_lower)),
    "groups_are_left_out_together": _spoil(fit=_forget_groups),
    "memory_estimate_grows_with_the_images": _spoil(
        estimate_fit_bytes=lambda sound, self, n: sound(n) - 10**6 * n
    ),
}


CHECKS = {check.__name__.removeprefix("check_"): check for check in DETECTOR_CHECKS}


def test_every_check_has_its_fault():
    assert set(CHECKS) == set(SPOILED)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", SPOILED)
def test_the_check_fails(name, monkeypatch):
    spoiled = SPOILED[name]
    monkeypatch.setitem(globals(), "Spoiled", spoiled)
    monkeypatch.setitem(DETECTORS, PatchMemory.name, f"{__name__}:Spoiled")
    with pytest.raises((Exception, pytest.fail.Exception)) as caught:
        CHECKS[name](DetectorSubject(lambda: fast(spoiled)))
    assert not isinstance(caught.value, pytest.skip.Exception)


@pytest.mark.parametrize("fit", [_hold_out_every_third, _number_groups_wrongly])
def test_parted_groups_and_wrong_ones_are_seen(fit):
    with pytest.raises(AssertionError):
        learning.check_groups_are_left_out_together(DetectorSubject(lambda: fast(_spoil(fit=fit))))


def test_every_check_is_of_the_suite():
    """None is written and then forgotten in the list."""
    for suite, rooms in (
        (DETECTOR_CHECKS, (contract, learning, purity, shipping)),
        (BACKBONE_CHECKS, (backbone,)),
    ):
        written = [
            c for room in rooms for name, c in vars(room).items() if name.startswith("check_")
        ]
        assert sorted(map(repr, written)) == sorted(map(repr, suite))
