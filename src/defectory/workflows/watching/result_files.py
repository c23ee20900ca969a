"""What people and machines read of a watch: a file of results a day, the journal, and an answer an image."""

import contextlib
import json
import re
from pathlib import Path
from typing import Any

from defectory.storage import safe_names
from defectory.storage.line_files import LineFile, last_line
from defectory.storage.outputs import cannot_write
from defectory.storage.renames import sync_folder
from defectory.storage.whole_files import write_whole
from defectory.workflows.journals import Journal, JournalEntry
from defectory.workflows.watching.state import WatchState
from defectory.workflows.watching.webhooks import message_id_of

RESULTS, JOURNAL, ANSWERS = "results", "journal.jsonl", "answers"

_DAY = re.compile(r"\d{4}-\d\d-\d\d\.jsonl")


class ResultFiles:
    """Writes results from the database into files: each once, in order, after kills, too.

    A result leaves the database when its line is on the disk. What a killed process had not got so far is
    written by the next; the last line in the files tells where to go on.

    Parameters
    ----------
    folder : of the watch
    state : holds what is to be written
    has_journal : keep a journal, too
    has_answers : write a small file an image, for a machine that waits for it

    Raises
    ------
    OutputError : the files cannot be written.
    """

    def __init__(
        self, folder: Path, state: WatchState, *, has_journal: bool, has_answers: bool
    ) -> None:
        self._state = state
        self._output = folder
        self._folder = folder / RESULTS
        self._answers = folder / ANSWERS if has_answers else None
        self._file: LineFile | None = None
        self._day = ""
        try:
            self._folder.mkdir(exist_ok=True)
            if self._answers is not None:
                self._answers.mkdir(exist_ok=True)
            sync_folder(folder)
            self._last = max(map(_last_number, self._folder.iterdir()), default=0)
            self._last_journaled = _last_journaled(folder / JOURNAL) if has_journal else 0
        except OSError as error:
            raise cannot_write(folder, error) from error
        self._journal = Journal(folder / JOURNAL) if has_journal else None
        self._marked = 0
        state.count_from(self._last)
        if self._last:
            self._open(self._last_day())
            self.settle(now=True)  # a process that was killed may not have come to it

    def write(self) -> None:
        """Write what is in the database and in no file; OutputError where that fails, to be tried again."""
        while rows := self._state.unwritten(self._last):
            for number, line in rows:
                self._write_one(number, line)

    def settle(self, *, now: bool = False) -> None:
        """Bring to the disk what was written, about once a second or now; then the database lets it go."""
        if self._file is None or self._marked == self._last:
            return
        try:
            if now:
                self._file.sync()
            else:
                self._file.sync_now_and_then()
        except OSError as error:
            raise cannot_write(self._folder, error) from error
        if self._file.is_synced:
            self._state.mark_written(self._last)
            self._marked = self._last

    def close(self) -> None:
        """Bring everything to the disk and let go of the files."""
        with contextlib.suppress(Exception):  # what is not marked is found again
            self.settle(now=True)
        if self._file is not None:
            self._file.close()
        if self._journal is not None:
            self._journal.close()

    def _write_one(self, number: int, line: str) -> None:
        whole = f'{{"id": {number}, {line[1:]}'
        row = json.loads(line)
        if self._answers is not None:
            self._answer(row, whole)
        if self._journal is not None and number > self._last_journaled and row["score"] is not None:
            self._journal.append(self._entry(row, number))
            self._last_journaled = number
        self._open(row["time"][:10])
        assert self._file is not None
        try:
            self._file.append(whole.encode() + b"\n")
        except OSError as error:
            raise cannot_write(self._folder, error) from error
        self._last = number

    def _entry(self, row: dict[str, Any], number: int) -> JournalEntry:
        kept = row.get("kept")
        return JournalEntry(
            time=row["time"],
            name=row["image"],
            sha256=row["sha256"],
            score=row["score"],
            is_anomalous=row["is_anomalous"],
            p_value=row["p_value"],
            bundle=row["bundle"],
            request_id=message_id_of(self._state.key, number),
            kept=str(self._output.absolute() / kept) if kept else "",
        )

    def _answer(self, row: dict[str, Any], whole: str) -> None:
        assert self._answers is not None
        path = self._answers / safe_names([row["image"]], ".json")[0]
        try:
            write_whole(path, whole.encode() + b"\n")
        except OSError as error:
            raise cannot_write(path, error) from error

    def _open(self, day: str) -> None:
        if self._day == day and self._file is not None:
            return
        if self._file is not None:
            self.settle(now=True)
            self._file.close()
            self._file = None
        try:
            self._file = LineFile(self._folder / f"{day}.jsonl")
        except OSError as error:
            raise cannot_write(self._folder, error) from error
        self._day = day

    def _last_day(self) -> str:
        """Return the day of the file that holds the last line."""
        return next(p.stem for p in self._folder.iterdir() if _last_number(p) == self._last)


def _last_number(path: Path) -> int:
    """Return the number of the last result in a file; 0 where it is no file of results."""
    if not _DAY.fullmatch(path.name):
        return 0
    with contextlib.suppress(ValueError, KeyError, TypeError):
        return int(json.loads(last_line(path))["id"])
    return 0


def _last_journaled(path: Path) -> int:
    for each in (path, path.with_name(f"{path.name}.1")):  # the newest may be empty still
        with contextlib.suppress(FileNotFoundError, ValueError, KeyError, TypeError):
            return int(json.loads(last_line(each))["request_id"].rpartition("-")[2])
    return 0
