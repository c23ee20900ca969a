"""The alarm of a bundle that is served: told of each image at once, in a file every few seconds."""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from defectory.domain import ParameterError
from defectory.workflows.alarms import (
    MAX_REMEMBERED,
    AlarmRecord,
    RangOn,
    fresh_alarm,
    read_alarm,
    write_alarm,
)
from defectory.workflows.calibrated import CalibratedDetector
from defectory.workflows.journals import JournalEntry

_KEY_DIGITS = 8


class KeptAlarm:
    """Watches the scores of one bundle; one thread uses it at a time.

    An image that comes again, byte for byte, does not count again: no camera takes the same twice, so it is a
    client's second try.

    Parameters
    ----------
    model : whose scores it watches
    path : of its file, where it goes on; None for memory only

    Raises
    ------
    DataError : the file is damaged, or another bundle's alarm.
    ParameterError : the model has no threshold, so that there is nothing to compare with.
    """

    def __init__(self, model: CalibratedDetector, path: Path | None) -> None:
        record = AlarmRecord(fresh_alarm(model)) if path is None else read_alarm(path, model)
        self._path = path
        self._alarm, self._rang_on = record.alarm, record.rang_on
        self._recent = dict.fromkeys(record.recent)
        self._is_written = path is None or path.exists()

    @property
    def is_ringing(self) -> bool:
        """Whether scores have risen."""
        return self._alarm.is_ringing

    @property
    def n_seen(self) -> int:
        """Images so far."""
        return self._alarm.n_seen

    @property
    def log_capital(self) -> float:
        """Natural logarithm of the evidence that scores have risen."""
        return self._alarm.log_capital

    def explain(self) -> str:
        """Return what it has to say in a sentence."""
        return self._alarm.explain()

    def see(self, name: str, sha256: str, score: float) -> bool:
        """Tell it of an image; return whether it began to ring."""
        key = sha256[:_KEY_DIGITS]
        if key in self._recent:
            return False
        was_ringing = self._alarm.is_ringing
        self._alarm = self._alarm.after([score])
        self._recent[key] = None
        if len(self._recent) > MAX_REMEMBERED:
            del self._recent[next(iter(self._recent))]
        self._is_written = self._path is None
        if was_ringing or not self._alarm.is_ringing:
            return False
        self._rang_on = RangOn(datetime.now(UTC).date().isoformat(), name[:4096])
        return True

    def catch_up(self, entries: Iterable[JournalEntry]) -> None:
        """See what a killed process has judged since it last wrote the file; what was seen is left out."""
        for entry in entries:
            self.see(entry.name, entry.sha256, entry.score)

    def write(self) -> None:
        """Write the file where anything is new; OutputError."""
        if self._is_written or self._path is None:
            return
        write_alarm(self._path, AlarmRecord(self._alarm, tuple(self._recent), self._rang_on))
        self._is_written = True


def keep_alarm(model: CalibratedDetector, path: Path | None) -> KeptAlarm | None:
    """Return the alarm of a model, its file written; None where the model has no threshold to watch.

    Raises
    ------
    DataError, OutputError : see `KeptAlarm`.
    """
    try:
        alarm = KeptAlarm(model, path)
    except ParameterError:
        return None
    alarm.write()
    return alarm
