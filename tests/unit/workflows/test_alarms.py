"""The file of an alarm: bound to its bundle, whole or as it was, no image twice."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from defectory.domain import DataError, HeldOutScores, OutputError
from defectory.sources import Sample
from defectory.workflows import alarms
from defectory.workflows.alarms import (
    AlarmRecord,
    WatchedImage,
    check_alarm,
    fresh_alarm,
    image_key,
    read_alarm,
    watch_rows,
    write_alarm,
)
from defectory.workflows.calibrated import CalibratedDetector
from tests.bundles import bundle_of, calibration_of
from tests.unit.workflows.brightness import Brightness, brightness_model


def images_of(scores, prefix="image"):
    return [WatchedImage(f"{prefix}{i}", f"{i:08x}", float(s)) for i, s in enumerate(scores)]


def changed(path, **changes):
    found = json.loads(path.read_text())
    found["alarm"] |= changes
    path.write_text(json.dumps(found))


@pytest.fixture
def model():
    return brightness_model()


@pytest.fixture
def path(model, tmp_path):
    path = tmp_path / "line.json"
    write_alarm(path, AlarmRecord(fresh_alarm(model)).watched(images_of([3, 5, 8])))
    return path


def test_what_was_seen_goes_on_from_file_to_file(model, path):
    record = read_alarm(path, model)
    assert (record.alarm.n_seen, record.recent) == (3, ("00000000", "00000001", "00000002"))
    told = json.loads(path.read_text())
    assert (told["is_ringing"], told["rang_on"]) == (False, None)
    write_alarm(path, record.watched([WatchedImage("new", "ffffffff", 7.0)]))
    assert read_alarm(path, model).alarm.n_seen == 4


def test_images_that_were_seen_do_not_count_again(model, path):
    record = read_alarm(path, model).watched(images_of([3, 5, 8, 9]))
    assert (record.n_again, record.alarm.n_seen) == (3, 4)
    assert read_alarm(path, model).watched([]).n_again == 0


def test_it_remembers_at_which_image_it_rang(model, path):
    rang = read_alarm(path, model).watched(images_of([99.0] * 40, "bad")[3:])
    assert rang.alarm.is_ringing
    assert rang.rang_on.image == f"bad{rang.alarm.rang_at - 1}"
    assert len(rang.rang_on.date) == len("2026-01-01")
    write_alarm(path, rang)
    told = json.loads(path.read_text())
    assert (told["is_ringing"], told["rang_on"]["image"]) == (True, rang.rang_on.image)
    later = read_alarm(path, model).watched([WatchedImage("new", None, 1.0)])
    assert later.rang_on == rang.rang_on


def test_memory_of_images_is_bounded(model, monkeypatch):
    monkeypatch.setattr(alarms, "MAX_REMEMBERED", 4)
    record = AlarmRecord(fresh_alarm(model)).watched(images_of(range(10)))
    assert record.recent == tuple(f"{i:08x}" for i in (6, 7, 8, 9))


def test_a_file_of_another_bundle_or_promise_is_refused_and_stays(model, path):
    before = path.read_bytes()
    other = CalibratedDetector(bundle_of(Brightness(), scores=np.arange(50)))
    for refused in (other, model.with_false_reject_rate(0.2)):
        with pytest.raises(DataError, match="watches another bundle, or another false-reject rate"):
            read_alarm(path, refused)
    assert path.read_bytes() == before


@pytest.mark.parametrize("text", ["", "{", "[]", "nonsense", '{"generator": "defectory 0.1.0"}'])
def test_a_file_that_cannot_be_understood_is_refused(text, model, path):
    path.write_text(text)
    with pytest.raises(DataError, match=r"line\.json is damaged or no alarm of this version"):
        read_alarm(path, model)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"version": 2}, "damaged or no alarm of this version"),
        ({"fingerprint": "x"}, "damaged or no alarm of this version"),
        ({"counts": [-1]}, "damaged or no alarm of this version"),
        ({"counts": [3]}, "contradict"),
        ({"below": None}, "damaged or no alarm of this version"),
    ],
)
def test_a_state_that_was_tampered_with_is_refused(changes, words, model, path):
    changed(path, **changes)
    with pytest.raises(DataError, match=words):
        read_alarm(path, model)


def test_a_file_that_is_too_large_is_not_read(model, path):
    os.truncate(path, 2**27)
    with pytest.raises(DataError, match="larger than"):
        read_alarm(path, model)


def test_what_is_no_alarm_of_ours_is_not_replaced(model, path, tmp_path):
    mine = tmp_path / "mine.json"
    mine.write_text('{"is_ringing": false}')
    for place in (mine, tmp_path):
        with pytest.raises(OutputError):
            check_alarm(place, model, inputs=[], others=[])
        with pytest.raises(OutputError):
            write_alarm(place, read_alarm(path, model))
    assert mine.read_text() == '{"is_ringing": false}'
    check_alarm(path, model, inputs=[], others=[])
    with pytest.raises(OutputError, match="is what this command reads"):
        check_alarm(path, model, inputs=[path], others=[])


def test_rows_are_shown_in_the_order_of_the_images_and_broken_ones_not(model, tmp_path):
    rows = [{"image": f"{i}.png", "score": float(i)} for i in range(3)]
    samples = [Sample(Path(f"{i}.png"), -1, None, "", None, None, f"{i}.png") for i in range(3)]
    broken = {"image": "broken.png", "score": None}
    record = watch_rows(tmp_path / "a.json", model, samples, iter([*rows, broken]))
    assert record.alarm.state == fresh_alarm(model).after([0, 1, 2]).state
    again = watch_rows(tmp_path / "a.json", model, samples, iter(rows))
    assert (again.n_again, again.alarm.n_seen) == (3, 3)


def test_a_key_tells_a_file_by_name_size_and_time(tmp_path):
    first, second = tmp_path / "a.png", tmp_path / "b.png"
    for file in (first, second):
        file.write_bytes(b"1")
        os.utime(file, (1, 1))
    keys = {image_key(first), image_key(second)}
    first.write_bytes(b"12")
    keys.add(image_key(first))
    os.utime(first, (2, 2))
    keys |= {image_key(first), image_key(tmp_path / "gone.png")}
    assert len(keys) == 5


def test_scores_of_images_that_nobody_called_good_are_not_compared_with_where_others_promise():
    held_out = HeldOutScores.of(np.arange(400.0), is_confirmed=np.arange(400) < 320)
    bundle = bundle_of(Brightness(), scores=np.arange(3.0))
    model = CalibratedDetector(type(bundle)(**{**vars(bundle), "calibration": held_out}))
    assert model.threshold.is_kept
    assert len(fresh_alarm(model).reference.scores) == 320
    none = HeldOutScores.of(calibration_of(np.arange(400.0)).scores, is_confirmed=np.zeros(400))
    model = CalibratedDetector(type(bundle)(**{**vars(bundle), "calibration": none}))
    assert model.threshold.is_estimated
    assert len(fresh_alarm(model).reference.scores) == 400
