"""Images judged as they were sent: whatever their companions, and each failing by itself."""

import numpy as np
import pytest

from defectory.domain import ImageReadError
from defectory.workflows.serving import judging
from defectory.workflows.serving.judging import Sent, Wanted, judge_sent
from tests.pictures import save
from tests.unit.workflows.brightness import brightness_model


@pytest.fixture
def sent(tmp_path):
    """Images of brightness 10, 20, 60 and 70; the threshold is 40."""
    values = (10, 20, 60, 70)
    paths = [save(tmp_path / f"{v}.png", np.full((9, 12, 3), v)) for v in values]
    wanted = Wanted(has_heatmap=True, has_mask=True, has_map=True)
    return [Sent(path.name, path.read_bytes(), wanted) for path in paths]


def told(found):
    return [(each.name, each.decision, each.p_value, each.heatmap, each.mask) for each in found]


@pytest.mark.parametrize("most_bytes", [0, 500, 10**9])
def test_companions_change_nothing(sent, monkeypatch, most_bytes):
    model = brightness_model()
    alone = [judge_sent(model, [each])[0] for each in sent]
    monkeypatch.setattr(judging, "_MOST_TOGETHER_BYTES", most_bytes)
    together = judge_sent(model, sent)
    assert told(together) == told(alone)
    assert [each.decision.outcome for each in together] == ["accepted"] * 2 + ["rejected"] * 2
    assert [each.suffix for each in together] == [".png"] * 4
    assert all(each.heat.shape == (1, 1) for each in together)


def test_an_image_that_cannot_be_read_spoils_no_other(sent):
    broken = [Sent("cut.png", sent[0].content[:40]), Sent("none", b"")]
    found = judge_sent(brightness_model(), [*sent[:1], *broken, *sent[1:]])
    assert [isinstance(each, ImageReadError) for each in found] == [
        False, True, True, False, False, False,
    ]  # fmt: skip
    assert "cut.png" in str(found[1])


def test_pixels_are_counted_before_they_are_decoded(sent):
    (found,) = judge_sent(brightness_model(), sent[:1], max_pixels=9 * 12 - 1)
    assert "too many pixels, 12 x 9" in str(found)


def test_what_a_detector_fails_at_is_told_of_that_image_only(sent):
    model = brightness_model()
    score = model.bundle.detector.score

    def fails_at_60(images, *, progress=None):
        if any((image == 60).all() for image in images.read(range(len(images)))):
            raise MemoryError
        return score(images)

    model.bundle.detector.score = fails_at_60
    found = judge_sent(model, sent)
    assert [isinstance(each, MemoryError) for each in found] == [False, False, True, False]


def test_a_detector_without_maps_has_no_pictures(sent):
    (found,) = judge_sent(brightness_model(has_maps=False), sent[:1])
    assert (found.heat, found.heatmap, found.mask) == (None, None, None)


def test_what_is_not_asked_for_is_not_made(sent):
    (found,) = judge_sent(brightness_model(), [Sent("a", sent[3].content)])
    assert (found.heat, found.heatmap, found.mask) == (None, None, None)
    assert found.decision.is_anomalous
