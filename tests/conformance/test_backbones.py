"""Our own backbone through the checks for backbones, and each check seen failing on a spoiled one."""

from dataclasses import replace
from itertools import count

import numpy as np
import pytest

from defectory.backbones import Backbone
from defectory.backbones.efficientnet_lite import convert_lite0
from defectory.backbones.weights import cut_to_stages
from defectory.testing import backbone_checks
from defectory.testing.checks import BACKBONE_CHECKS
from defectory.testing.subjects import BackboneSubject


@backbone_checks(convert_lite0)
def test_backbone(check):
    check()


def _with_card(**changes):
    def spoiled():
        model, card = convert_lite0()
        return model, replace(card, **changes)

    return spoiled


def _with_stage(index, **changes):
    def spoiled():
        model, card = convert_lite0()
        stages = list(card.stages)
        stages[index] = replace(stages[index], **changes)
        return model, replace(card, stages=tuple(stages))

    return spoiled


def _change_features(monkeypatch, change):
    """Let `change` have what a network gives, and the number of runs before."""
    sound, counter = Backbone._run_session, count()

    def spoiled(self, image):
        n = next(counter)
        return {name: change(array, n) for name, array in sound(self, image).items()}

    monkeypatch.setattr(Backbone, "_run_session", spoiled)


def _nan(features, n):
    return features * np.float32(np.nan)


def _counted(features, n):
    return features + np.float32(n)


def _same(features, n):
    return features * 0


def _changing(draws=count()):  # noqa: B008 - one count for all calls is the point
    model, card = convert_lite0()
    return model, replace(card, weights_sha256=str(next(draws)))


def _coarse_first():
    model, card = convert_lite0()
    stages = card.stages[::-1]
    return cut_to_stages(model, [stage.name for stage in stages]), replace(card, stages=stages)


SPOILED = {
    "converting_again_gives_the_same": _changing,
    "the_card_survives_a_bundle": _with_card(license=""),
    "it_is_found_by_its_name": _with_card(name="other"),
    "stages_have_the_shapes_of_the_card": _with_stage(0, n_channels=7),
    "stages_run_from_fine_to_coarse": _coarse_first,
    "features_are_finite_and_tell_images_apart": _nan,
    "features_repeat_whatever_the_threads": _counted,
    "tiles_see_what_the_whole_image_shows": _with_stage(1, stride_px=16),
    "a_detector_learns_from_it": _same,
}
CHECKS = {check.__name__.removeprefix("check_"): check for check in BACKBONE_CHECKS}


def test_every_check_has_its_fault():
    assert set(CHECKS) == set(SPOILED)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", SPOILED)
def test_the_check_fails(name, monkeypatch):
    spoiled = SPOILED[name]
    if spoiled in (_nan, _counted, _same):
        _change_features(monkeypatch, spoiled)
        spoiled = convert_lite0
    subject = BackboneSubject(spoiled)
    with pytest.raises(Exception):  # noqa: B017, PT011 - the suite does not say in which way
        CHECKS[name](subject)
