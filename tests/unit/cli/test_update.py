"""What `update` prints of decisions."""

import pytest

from defectory.cli.update import _print_update
from defectory.domain import Label
from defectory.workflows.updating.results import CheckedImage, Effect, Update
from tests.unit.workflows.brightness import brightness_model


def printed(model, capsys, tmp_path, n_good=0):
    """Return what is said of one defect that is missed at score 12, of a good image rejected at 50."""
    (tmp_path / "new").write_bytes(b"")
    checked = (
        CheckedImage("bad.png", Label.ANOMALOUS, 11.0, 12.0, was_rejected=False, is_rejected=False),
        CheckedImage("good.png", Label.NORMAL, 30.0, 50.0, was_rejected=False, is_rejected=True),
    )
    effect = Effect(1, 0, 0, n_good, 0, 0, n_good)
    _print_update(
        Update(model, 1, 1, 0, model.threshold, checked, (), effect, wall_s=0.1), tmp_path / "new"
    )
    return capsys.readouterr().out


def test_what_is_left_to_a_person_is_not_said_to_be_accepted(capsys, tmp_path):
    plain = printed(brightness_model(), capsys, tmp_path)
    assert "still wrong: bad.png, anomalous, accepted, score 11 -> 12" in plain
    careful = printed(brightness_model().with_miss_rate(0.05), capsys, tmp_path)
    assert "still wrong: bad.png, anomalous, not rejected, score 11 -> 12" in careful
    assert "now wrong: good.png, normal, rejected, score 30 -> 50" in careful


@pytest.mark.parametrize("n_good", [0, 2])
def test_nothing_is_said_of_good_images_where_none_was_confirmed(n_good, capsys, tmp_path):
    said = printed(brightness_model(), capsys, tmp_path, n_good)
    assert "Of 1 defect confirmed now, held out from both: 0 found before, 0 after." in said
    assert ("0 of 2 rejected before, 0 of 2 after." in said) == (n_good > 0)
    assert "0 of 0" not in said
