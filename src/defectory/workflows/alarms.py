"""An alarm in a file, that goes on from one day to the next, bound to its bundle."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from defectory.calibration.alarm_states import AlarmState
from defectory.calibration.alarms import DriftAlarm
from defectory.domain import DataError
from defectory.sources import Sample
from defectory.storage import Output, OutputFile, check_outputs, write_file
from defectory.storage.kinds import GENERATOR, GENERATOR_KEY, json_object
from defectory.workflows.calibrated import CalibratedDetector

ALARM_FILE = json_object("the state of an alarm")

MAX_REMEMBERED = 100_000
_KEY_DIGITS = 8
_MAX_FILE_BYTES = 64 * 2**20

Key = Annotated[str, Meta(pattern=rf"\A[0-9a-f]{{{_KEY_DIGITS}}}\Z")]
Text = Annotated[str, Meta(max_length=4096)]


@dataclass(frozen=True)
class RangOn:
    """The image at which an alarm rang: its name, and the UTC date of the run that scored it."""

    date: Text
    image: Text


@dataclass(frozen=True)
class WatchedImage:
    """An image as an alarm sees it.

    Attributes
    ----------
    name : for a person
    key : a few hex digits that tell whether it was seen before, see `image_key`; None: it was not
    score : raw
    """

    name: str
    key: str | None
    score: float


@dataclass(frozen=True)
class AlarmRecord:
    """An alarm, and what is told of the images behind it.

    Attributes
    ----------
    alarm : what it knows of the scores
    recent : keys of the images it saw last, oldest first, at most `MAX_REMEMBERED`
    rang_on : at which image it rang
    n_again : images of the last `watched` that it had seen before, and did not count
    """

    alarm: DriftAlarm
    recent: tuple[str, ...] = ()
    rang_on: RangOn | None = None
    n_again: int = 0

    def watched(self, images: Sequence[WatchedImage]) -> "AlarmRecord":
        """Return the record after further images; those that it has seen are left out.

        So an interrupted run may be started again, and a folder that grows be scored again.
        """
        seen = set(self.recent)
        new = [image for image in images if image.key not in seen]
        alarm = self.alarm.after(image.score for image in new)
        rang_on = self.rang_on
        if alarm.rang_at is not None and rang_on is None:
            image = new[alarm.rang_at - self.alarm.n_seen - 1]
            rang_on = RangOn(datetime.now(UTC).date().isoformat(), image.name)
        keys = (image.key for image in new if image.key is not None)
        recent = (*self.recent, *keys)[-MAX_REMEMBERED:]
        return AlarmRecord(alarm, recent, rang_on, len(images) - len(new))


def fresh_alarm(model: CalibratedDetector) -> DriftAlarm:
    """Return an alarm for a model that has seen nothing; ParameterError where it has no threshold."""
    return DriftAlarm.fresh(model.good_scores, model.threshold.value)


def read_alarm(path: Path, model: CalibratedDetector) -> AlarmRecord:
    """Return what a file says of the alarm of a model; a fresh one where there is no file.

    Raises
    ------
    DataError : the file cannot be read, is damaged, no alarm's, or of another bundle's alarm.
    ParameterError : the model has no threshold.
    """
    if not path.exists():
        return AlarmRecord(fresh_alarm(model))
    try:
        if path.stat().st_size > _MAX_FILE_BYTES:
            raise DataError(f"{path} is larger than the state of an alarm ever is")
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
    return restore_alarm(content, model, str(path))


def restore_alarm(content: bytes, model: CalibratedDetector, where: str) -> AlarmRecord:
    """Return what JSON of `alarm_json` says of the alarm of a model.

    Parameters
    ----------
    where : it comes from, for errors

    Raises
    ------
    DataError : it is damaged, no alarm's, or of another bundle's alarm.
    ParameterError : the model has no threshold.
    """
    alarm = fresh_alarm(model)
    try:
        found = msgspec.json.decode(content, type=_File)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DataError(
            f"{where} is damaged or no alarm of this version ({error}); "
            "remove it to start a new alarm, or give another name"
        ) from error
    try:
        return AlarmRecord(alarm.resumed(found.alarm), found.recent, found.rang_on)
    except DataError as error:
        raise DataError(f"{where}: {error}; give another name to start a new alarm") from error


def check_alarm(
    path: Path, model: CalibratedDetector, *, inputs: Iterable[Path], others: Iterable[Output]
) -> None:
    """Refuse, before work starts, a place where no alarm of the model can be kept, or where another is.

    Parameters
    ----------
    inputs : what the command reads
    others : what it writes, checked before

    Raises
    ------
    OutputError : something else is there, or it cannot be written; see `check_outputs`.
    DataError, ParameterError : see `read_alarm`.
    """
    check_outputs([*others, OutputFile(path, ALARM_FILE)], inputs=inputs, overwrite=True)
    read_alarm(path, model)


def watch_rows(
    path: Path,
    model: CalibratedDetector,
    samples: Sequence[Sample],
    rows: Iterable[Mapping[str, Any]],
) -> AlarmRecord:
    """Show the scores of finished rows to the alarm in a file, and write it.

    Parameters
    ----------
    samples : images in the order of the rows; further rows are of images that cannot be read

    Raises
    ------
    DataError, OutputError : the file is that of another alarm by now, or cannot be written.
    """
    images = [
        WatchedImage(row["image"], image_key(sample.path), row["score"])
        for sample, row in zip(samples, rows, strict=False)
    ]
    record = read_alarm(path, model).watched(images)
    write_alarm(path, record)
    return record


def write_alarm(path: Path, record: AlarmRecord) -> None:
    """Write the state whole or not at all, in place of that of an earlier run; OutputError."""
    write_file(path, alarm_json(record) + b"\n", ALARM_FILE, overwrite=True)


def alarm_json(record: AlarmRecord) -> bytes:
    """Return the state as JSON, which `restore_alarm` reads."""
    told = {
        GENERATOR_KEY: GENERATOR,
        "is_ringing": record.alarm.is_ringing,
        "rang_on": record.rang_on,
        "alarm": record.alarm.state,
        "recent": record.recent,
    }
    return json.dumps(msgspec.to_builtins(told), allow_nan=False).encode()


def image_key(path: Path) -> str:
    """Return a few hex digits that tell an image file from others: its name, size and time."""
    try:
        status = path.stat()
        known = f"{path.name}|{status.st_size}|{status.st_mtime_ns}"
    except OSError:
        known = path.name
    return hashlib.sha256(known.encode("utf-8", "surrogateescape")).hexdigest()[:_KEY_DIGITS]


@dataclass(frozen=True)
class _File:
    alarm: AlarmState
    recent: Annotated[tuple[Key, ...], Meta(max_length=MAX_REMEMBERED)] = ()
    rang_on: RangOn | None = None
