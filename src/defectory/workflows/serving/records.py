"""What is kept of the images that a service judges: a journal, the last images, and the alarms."""

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from defectory.domain import DefectoryError, OutputError
from defectory.workflows.journals import Journal, JournalEntry, read_journal
from defectory.workflows.recent_images import RecentImages
from defectory.workflows.serving.bundles import ServedBundle
from defectory.workflows.serving.judging import Judged
from defectory.workflows.serving.kept_alarms import KeptAlarm, keep_alarm

_WRITE_EVERY_S = 5.0
_MAX_ALARMS = 32


@dataclass(frozen=True)
class AlarmTold:
    """What an alarm says.

    Attributes
    ----------
    is_ringing : whether scores have risen
    n_seen : images so far
    log_capital : natural logarithm of the evidence; it rings from that of 100 on
    said : in a sentence
    has_begun : whether it began to ring at these images
    """

    is_ringing: bool
    n_seen: int
    log_capital: float
    said: str
    has_begun: bool = False


class UnrecordedError(OutputError):
    """Something of judged images cannot be written; the alarm has seen them all the same: `told`."""

    def __init__(self, error: DefectoryError, told: AlarmTold | None) -> None:
        super().__init__(str(error))
        self.told = told


class Records:
    """All that is kept of one name; one thread uses it at a time.

    Parameters
    ----------
    folder : of this name, made where it is missing: `journal.jsonl`, `alarm-....json` a bundle, `recent/`;
        None for nothing on disk
    max_recent_bytes : of the images that are kept; 0 for none

    Raises
    ------
    OutputError : the folder cannot be written, or another process writes it.

    Notes
    -----
    An image's journal entry is in its file before anybody is told of the decision. The alarm's file is
    written every few seconds and at the end; after a kill, what the journal says since then is seen again.
    """

    def __init__(self, folder: Path | None, max_recent_bytes: int = 0) -> None:
        self._folder = folder
        self._journal = None if folder is None else Journal(folder / "journal.jsonl")
        self._images: RecentImages | None = None
        if folder is not None and max_recent_bytes:
            self._images = RecentImages(folder / "recent", max_recent_bytes)
        self._alarms: dict[str, KeptAlarm | None] = {}
        self._written_s = time.monotonic()

    def prepare(self, bundle: ServedBundle) -> None:
        """Find or make the alarm of a bundle, before it is served.

        Raises
        ------
        DataError, OutputError : its file is damaged, or cannot be written.
        """
        if bundle.sha256 in self._alarms:
            return
        path = self._alarm_path(bundle)
        written_ns = path.stat().st_mtime_ns if path is not None and path.exists() else None
        alarm = keep_alarm(bundle.model, path)
        if alarm is not None and written_ns is not None:
            alarm.catch_up(self._entries_since(written_ns, bundle.label))
            alarm.write()
        self._alarms[bundle.sha256] = alarm
        while len(self._alarms) > _MAX_ALARMS:  # of bundles that were swapped out long ago
            oldest = self._alarms.pop(next(iter(self._alarms)))
            if oldest is not None:
                oldest.write()

    def add(
        self, bundle: ServedBundle, judged: Sequence[Judged], request_id: str
    ) -> AlarmTold | None:
        """Keep what was judged, and return what the alarm of the bundle says now; None where it has none.

        Raises
        ------
        UnrecordedError : something cannot be written (a full disk).
        """
        alarm, has_begun = self._alarms.get(bundle.sha256), False
        for each in judged:
            if alarm is not None:
                has_begun |= alarm.see(each.name, each.sha256, each.decision.score)
        told = None if alarm is None else _told(alarm, has_begun)
        try:
            for each in judged:
                self._write(bundle, each, request_id)
            self.write_sometimes()
        except DefectoryError as error:
            raise UnrecordedError(error, told) from error
        return told

    def alarm_of(self, bundle: ServedBundle) -> AlarmTold | None:
        """Return what the alarm of a bundle says; None where it has none."""
        alarm = self._alarms.get(bundle.sha256)
        return None if alarm is None else _told(alarm)

    def write_sometimes(self) -> None:
        """Write the alarms where that was not done for a while; OutputError."""
        if time.monotonic() - self._written_s > _WRITE_EVERY_S:
            self._write_alarms()

    def close(self) -> None:
        """Write everything, and let go of the files; OutputError."""
        try:
            self._write_alarms()
        finally:
            if self._journal is not None:
                self._journal.close()

    def _write(self, bundle: ServedBundle, judged: Judged, request_id: str) -> None:
        if self._journal is None:
            return
        kept = ""
        if self._images is not None:
            with contextlib.suppress(
                DefectoryError
            ):  # one that is larger than the ring; the score stays
                kept = str(self._images.keep(judged.content, judged.name, judged.suffix))
        self._journal.append(
            JournalEntry(
                time=datetime.now(UTC).isoformat(),
                name=judged.name,
                sha256=judged.sha256,
                score=judged.decision.score,
                is_anomalous=judged.decision.is_anomalous,
                p_value=judged.p_value,
                bundle=bundle.label,
                request_id=request_id,
                kept=kept,
            )
        )

    def _write_alarms(self) -> None:
        self._written_s = time.monotonic()
        for alarm in self._alarms.values():
            if alarm is not None:
                alarm.write()

    def _alarm_path(self, bundle: ServedBundle) -> Path | None:
        if self._folder is None:
            return None
        return self._folder / f"alarm-{bundle.sha256[:12]}.json"

    def _entries_since(self, written_ns: int, label: str) -> Iterator[JournalEntry]:
        """Yield what a bundle has judged since then; nothing is read where the journal is older."""
        path = (self._folder or Path()) / "journal.jsonl"
        if path.stat().st_mtime_ns < written_ns:
            return
        since = datetime.fromtimestamp(written_ns / 1e9, UTC)
        for entry in read_journal(path):
            if entry.bundle == label and datetime.fromisoformat(entry.time) >= since:
                yield entry


def _told(alarm: KeptAlarm, has_begun: bool = False) -> AlarmTold:
    return AlarmTold(alarm.is_ringing, alarm.n_seen, alarm.log_capital, alarm.explain(), has_begun)
