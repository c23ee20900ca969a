"""The database of a watch, and the files that are made from it."""

import json
import sqlite3
import time

import pytest

from defectory.domain import DataError, OutputError
from defectory.workflows.watching.listing import FileState
from defectory.workflows.watching.result_files import ResultFiles
from defectory.workflows.watching.state import JudgedFile, WatchState
from defectory.workflows.watching.tables import is_watch

STATE = FileState(1, 2, 3)
NAMES = ("a\udce9.png", "b.png")


def row(name, day="2026-01-02"):
    told = {"time": f"{day}T03:04:05Z", "image": name, "score": 1.5, "is_anomalous": False}
    return json.dumps(told | {"p_value": 0.5, "sha256": "ab", "bundle": "b@1"})


def judged(name, **options):
    return JudgedFile(name, STATE, f"content of {name!a}", row(name, **options))


@pytest.fixture
def state(tmp_path):
    state = WatchState(tmp_path)
    yield state
    state.close()


def record(state, *files, is_to_be_sent=False, alarm=None):
    state.record(files, is_to_be_sent=is_to_be_sent, alarm=alarm)


def test_what_is_kept_is_there_for_the_next_process(state, tmp_path):
    record(state, judged("a\udce9.png"), judged("b.png"), alarm=("print", "{}"))
    again = WatchState(tmp_path)
    assert again.judged([*NAMES, "c.png"]) == dict.fromkeys(NAMES, STATE)
    assert (again.content("b.png"), again.content("c.png")) == ("content of 'b.png'", "")
    assert (again.alarm("print"), again.alarm("other"), again.key) == ("{}", "", state.key)
    assert [number for number, _ in again.unwritten(0)] == [1, 2]
    assert is_watch(tmp_path)
    again.close()


def test_a_result_goes_when_it_is_written_and_sent_and_its_number_never_comes_again(state):
    record(state, judged("a"), judged("b"), is_to_be_sent=True)
    state.mark_written(2)
    assert [state.next_message(0).number, state.count_unsent()] == [1, 2]
    state.mark_failed(1, time.time() + 60)
    assert state.next_message(time.time()).number == 2
    assert state.next_message(time.time() - 9999).number == 1  # the clock has gone back
    state.retry_all()
    message = state.next_message(0)
    assert (message.number, message.n_tries) == (1, 1)
    for number in (1, 2):
        state.mark_sent(number)
    assert state.next_message(9e9) is None
    record(state, judged("a"))
    assert [number for number, _ in state.unwritten(0)] == [3]


def test_all_of_a_record_is_kept_or_nothing(state):
    with pytest.raises(sqlite3.IntegrityError):
        record(state, judged("a"), JudgedFile("b", STATE, None, row("b")))
    assert state.judged(["a", "b"]) == {}
    assert state.unwritten(0) == []


def test_files_that_are_long_gone_are_forgotten(state):
    record(state, judged("gone"), judged("there"))
    assert state.forget(["there"], time.time() - 60) == 0
    assert state.forget(["there"], time.time() + 60) == 1
    assert list(state.judged(["gone", "there"])) == ["there"]


def test_a_database_of_a_newer_version_or_a_damaged_one_is_refused_and_stays(tmp_path):
    WatchState(tmp_path).close()
    path = tmp_path / "watch.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 9")
    connection.close()
    with pytest.raises(DataError, match="a newer version"):
        WatchState(tmp_path)
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(DataError, match="damaged"):
        WatchState(tmp_path)
    assert not is_watch(tmp_path)
    with pytest.raises(OutputError, match="cannot use"):
        WatchState(tmp_path / "none")


def open_files(state, tmp_path):
    return ResultFiles(tmp_path, state, has_journal=True, has_answers=False)


def lines(tmp_path):
    found = {}
    for path in sorted((tmp_path / "results").iterdir()):
        found[path.stem] = [json.loads(line)["id"] for line in path.read_text().splitlines()]
    return found


def test_there_is_a_file_a_day_and_a_killed_process_is_gone_on_from(state, tmp_path):
    record(state, judged("a"), judged("b"))
    files = open_files(state, tmp_path)
    files.write()
    # a process that is killed here has written, and marked nothing
    files._file.close()
    files._journal.close()
    assert len(state.unwritten(0)) == 2
    torn = tmp_path / "results/2026-01-02.jsonl"
    torn.write_bytes(torn.read_bytes() + b'{"id": 3, "ti')
    record(state, judged("c"), judged("d", day="2026-01-03"))
    files = open_files(state, tmp_path)
    files.write()
    files.close()
    assert lines(tmp_path) == {"2026-01-02": [1, 2, 3], "2026-01-03": [4]}
    assert len((tmp_path / "journal.jsonl").read_text().splitlines()) == 4
    assert state.unwritten(0) == []


def test_result_files_may_be_taken_away_and_a_clock_may_go_back(state, tmp_path):
    for day in ("2026-01-03", "2026-01-02"):
        record(state, judged("a", day=day))
        files = open_files(state, tmp_path)
        files.write()
        files.close()
    assert lines(tmp_path) == {"2026-01-02": [2], "2026-01-03": [1]}
    for path in (tmp_path / "results").iterdir():
        path.unlink()
    record(state, judged("c"))
    files = open_files(state, tmp_path)
    files.write()
    files.close()
    assert lines(tmp_path) == {"2026-01-02": [3]}


def test_numbers_go_on_where_the_database_is_an_older_copy(state, tmp_path):
    record(state, judged("a"), judged("b"))
    files = open_files(state, tmp_path)
    files.write()
    files.close()
    state.close()
    (tmp_path / "watch.sqlite").unlink()
    again = WatchState(tmp_path)
    files = open_files(again, tmp_path)
    record(again, judged("b"))
    files.write()
    files.close()
    again.close()
    assert lines(tmp_path) == {"2026-01-02": [1, 2, 3]}
