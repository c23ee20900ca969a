"""Which files are taken, and when; what lies in a folder."""

import os

import pytest

from defectory.workflows.watching.arrivals import Arrivals
from defectory.workflows.watching.listing import FileState, list_images


def state(n, modified=0):
    return FileState(n, modified, modified)


def nothing(names):
    return {}


def ready(arrivals, now_s):
    return [arrival.name for arrival in arrivals.ready(now_s)]


def test_a_file_is_taken_once_it_has_stayed_the_same():
    arrivals = Arrivals(nothing, 1.0)
    for now_s, n_bytes, expected in ((0, 1, []), (0.9, 2, []), (1.8, 2, []), (2, 2, ["a"])):
        arrivals.look({"a": state(n_bytes)}, now_s)
        assert ready(arrivals, now_s) == expected
    arrivals.judged("a", state(2))
    arrivals.look({"a": state(2)}, 9)
    assert (ready(arrivals, 99), len(arrivals)) == ([], 0)
    arrivals.look({"a": state(3)}, 100)
    assert ready(arrivals, 101) == ["a"]
    arrivals.look({}, 102)
    assert len(arrivals) == 0


def test_without_settling_it_is_taken_at_once_and_what_was_judged_before_is_not():
    arrivals = Arrivals(lambda names: {"old": state(1)} if "old" in set(names) else {}, 0)
    arrivals.look({"old": state(1), "new": state(1)}, 5)
    assert ready(arrivals, 5) == ["new"]
    arrivals.look({}, 6)  # all are gone: what was judged is asked for again
    arrivals.look({"old": state(1)}, 7)
    assert ready(arrivals, 7) == []


def test_the_oldest_come_first_and_numbers_count_as_numbers():
    arrivals = Arrivals(nothing, 0)
    arrivals.look({"10": state(1, 7), "9": state(1, 7), "late": state(1, 8), "z": state(1, 6)}, 0)
    assert ready(arrivals, 0) == ["z", "9", "10", "late"]


def test_what_cannot_be_read_is_tried_again_until_patience_ends():
    arrivals = Arrivals(nothing, 0, patience_s=10)
    arrivals.look({"a": state(1)}, 0)
    arrivals.try_later("a", 0)
    assert ready(arrivals, 0.9) == []
    assert [a.is_last_try for a in arrivals.ready(1)] == [False]
    assert [a.is_last_try for a in arrivals.ready(10)] == [True]
    arrivals.look({"a": state(2)}, 10)  # it has changed: from the beginning
    assert [a.is_last_try for a in arrivals.ready(10)] == [False]


def test_images_at_any_depth_are_listed_and_nothing_else(tmp_path):
    for name in ("a.PNG", "x/y/b.jpg", "x/note.txt", ".c.png", "~$d.png", ".x/e.png", "Thumbs.db"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"12")
    (tmp_path / "x/loop").symlink_to(tmp_path)
    (tmp_path / "nowhere.png").symlink_to(tmp_path / "none")
    (tmp_path / "linked.png").symlink_to(tmp_path / "a.PNG")
    os.mkfifo(tmp_path / "pipe.png")
    strange = os.fsdecode(b"\xe9.png")
    (tmp_path / strange).write_bytes(b"123")
    found = list_images(tmp_path)
    assert sorted(found.files) == sorted(["a.PNG", "x/y/b.jpg", "linked.png", strange])
    assert found.files[strange].n_bytes == 3
    assert found.problems == ()
    with pytest.raises(OSError, match="No such file"):
        list_images(tmp_path / "none")
