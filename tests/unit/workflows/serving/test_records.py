"""What a service keeps: a journal line an image, alarms that go on after a kill, the last images."""

import hashlib
import json

import numpy as np
import pytest

from defectory.domain import DataError, OutputError
from defectory.workflows.journals import read_journal
from defectory.workflows.serving.bundles import ServedBundle
from defectory.workflows.serving.judging import Judged, Sent, judge_sent
from defectory.workflows.serving.records import Records
from tests.pictures import save
from tests.unit.workflows.brightness import brightness_model


@pytest.fixture(scope="module")
def bundle():
    return ServedBundle("parts", "1", "parts.defectory", "a" * 64, (0, 0, 0, 0), brightness_model())


@pytest.fixture(scope="module")
def judged(bundle, tmp_path_factory):
    """200 images with scores of good ones, and 60 with higher ones."""
    rng, folder = np.random.default_rng(3), tmp_path_factory.mktemp("images")
    values = [*rng.integers(1, 40, 200), *rng.integers(35, 40, 60)]
    return [judge(bundle, folder, i, value) for i, value in enumerate(values)]


def judge(bundle, folder, i, value):
    image = np.full((8, 8, 3), value, np.uint8)
    image[1:] = np.random.default_rng(i).integers(0, 255, (7, 8, 3))
    content = save(folder / f"{i}.png", image).read_bytes()
    (judged,) = judge_sent(bundle.model, [Sent(f"{i}.png", content)])
    return judged


def opened(folder, bundle, **options):
    records = Records(folder, **options)
    records.prepare(bundle)
    return records


def test_every_image_is_a_line_of_the_journal(bundle, judged, tmp_path):
    records = opened(tmp_path, bundle)
    for each in judged[:3]:
        records.add(bundle, [each], "request")
        assert len(list(read_journal(tmp_path / "journal.jsonl"))) == int(each.name[0]) + 1
    records.close()
    entry = list(read_journal(tmp_path / "journal.jsonl"))[1]
    assert entry.sha256 == hashlib.sha256(judged[1].content).hexdigest()
    assert (entry.name, entry.bundle, entry.request_id) == ("1.png", "parts@1", "request")
    assert (entry.score, entry.p_value) == (judged[1].decision.score, judged[1].p_value)
    assert entry.kept == ""


def test_the_alarm_rings_once_and_goes_on_from_run_to_run(bundle, judged, tmp_path):
    records = opened(tmp_path, bundle)
    quiet = records.add(bundle, judged[:200], "")
    assert (quiet.is_ringing, quiet.n_seen, quiet.has_begun) == (False, 200, False)
    begun = [records.add(bundle, [each], "").has_begun for each in judged[200:]]
    assert begun.count(True) == 1
    records.close()
    again = opened(tmp_path, bundle)
    told = again.alarm_of(bundle)
    assert (told.is_ringing, told.n_seen) == (True, 260)
    assert "rings" in told.said
    again.close()


def test_an_image_that_comes_again_is_kept_but_does_not_count(bundle, judged, tmp_path):
    records = opened(tmp_path, bundle)
    for _ in range(3):
        told = records.add(bundle, judged[:2], "")
    assert told.n_seen == 2
    records.close()
    assert len(list(read_journal(tmp_path / "journal.jsonl"))) == 6


def test_what_a_killed_process_has_judged_is_seen_again(bundle, judged, tmp_path):
    records = opened(tmp_path, bundle)
    records.add(bundle, judged[:50], "")
    records._journal.close()  # killed: the alarm's file is the one of the beginning
    state = json.loads((tmp_path / f"alarm-{'a' * 12}.json").read_text())
    assert state["alarm"]["above"]["n_bets"] == 0
    again = opened(tmp_path, bundle)
    assert again.alarm_of(bundle).n_seen == 50
    whole = opened(tmp_path / "whole", bundle)
    assert again.alarm_of(bundle) == whole.add(bundle, judged[:50], "")
    for each in (again, whole):
        each.close()
    assert opened(tmp_path, bundle).alarm_of(bundle).n_seen == 50


def test_the_last_images_are_kept_within_their_bytes(bundle, judged, tmp_path):
    sizes = [len(each.content) for each in judged]
    records = opened(tmp_path, bundle, max_recent_bytes=sum(sizes[-4:]))
    records.add(bundle, judged, "")
    records.close()
    kept = sorted((tmp_path / "recent").iterdir())
    assert [path.read_bytes() for path in kept] == [each.content for each in judged[-len(kept) :]]
    assert len(kept) >= 3
    assert [entry.kept for entry in read_journal(tmp_path / "journal.jsonl")][-1] == str(kept[-1])


def test_nothing_is_kept_where_there_is_no_folder(bundle, judged):
    records = opened(None, bundle, max_recent_bytes=100)
    assert records.add(bundle, judged[:5], "").n_seen == 5
    records.close()


def test_two_processes_do_not_write_one_journal(bundle, tmp_path):
    records = opened(tmp_path, bundle)
    with pytest.raises(OutputError, match="another process"):
        Records(tmp_path)
    records.close()


def test_a_damaged_alarm_is_said_before_anything_is_served(bundle, tmp_path):
    (tmp_path / f"alarm-{'a' * 12}.json").write_text("{}")
    records = Records(tmp_path)
    with pytest.raises(DataError, match="damaged"):
        records.prepare(bundle)
    records.close()


def test_alarms_of_old_bundles_are_let_go(bundle, judged, tmp_path):
    from dataclasses import replace

    records = opened(tmp_path, bundle)
    records.add(bundle, judged[:5], "")
    for i in range(40):
        records.prepare(replace(bundle, sha256=f"{i:064}"))
    assert records.alarm_of(bundle) is None
    assert isinstance(judged[0], Judged)
    assert records.add(bundle, judged[:5], "") is None  # a request that came before the swap
    records.close()
    assert opened(tmp_path, bundle).alarm_of(bundle).n_seen == 5
