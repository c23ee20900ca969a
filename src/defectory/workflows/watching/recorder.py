"""From what was judged to the database: rows, with the heatmap, the kept image and the alarm of each."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from defectory.domain import OutputError
from defectory.domain.errors import one_line
from defectory.storage import safe_names
from defectory.storage.outputs import cannot_write
from defectory.storage.whole_files import write_whole
from defectory.workflows.alarms import (
    AlarmRecord,
    WatchedImage,
    alarm_json,
    fresh_alarm,
    restore_alarm,
)
from defectory.workflows.recent_images import RecentImages
from defectory.workflows.scoring.rows import Row, ScoredImage
from defectory.workflows.watching.bundle_files import Judge
from defectory.workflows.watching.judging import ReadFile, judge_files, make_watch_row
from defectory.workflows.watching.options import WatchOptions
from defectory.workflows.watching.state import JudgedFile, WatchState
from defectory.workflows.watching.tables import DATABASE

HEATMAPS, RECENT = "heatmaps", "recent"


class Recorder:
    """Judges files, and keeps what is said of them.

    Parameters
    ----------
    say : told when the alarm rings, and what could not be written beside the results
    """

    def __init__(
        self, options: WatchOptions, state: WatchState, say: Callable[[str], None]
    ) -> None:
        self._options = options
        self._state = state
        self._say = say
        self._folder = options.output
        self._recent = None
        if options.keep_bytes:
            self._recent = RecentImages(self._folder / RECENT, options.keep_bytes)
        self.alarm: AlarmRecord | None = None

    def take_up(self, judge: Judge) -> None:
        """Go on with the alarm of a bundle, where there is to be one."""
        if not self._options.alarm:
            return
        fresh = fresh_alarm(judge.model)
        known = self._state.alarm(fresh.state.fingerprint)
        self.alarm = AlarmRecord(fresh)
        if known:
            where = f"the alarm in {self._folder / DATABASE}"
            self.alarm = restore_alarm(known.encode(), judge.model, where)
        if self.alarm.alarm.is_ringing:
            self._tell_alarm(self.alarm)

    def judge(
        self, files: Sequence[ReadFile], judge: Judge
    ) -> tuple[list[tuple[JudgedFile, Row | None]], AlarmRecord | None]:
        """Return what is to be kept of files, and the alarm after them; nothing is in the database yet.

        The row is None where the content was judged before under this name.
        """
        is_known = [
            bool(f.sha256) and self._state.content(f.arrival.name) == f.sha256 for f in files
        ]
        new = [file for file, known in zip(files, is_known, strict=True) if not known]
        scored = iter(judge_files(new, judge))
        alarm, judged = self.alarm, []
        for file, known in zip(files, is_known, strict=True):
            row, line = None, ""
            if not known:
                item = next(scored)
                row = make_watch_row(item, file, judge)
                alarm = self._watch(row, alarm)
                self._add_files(row, item, file, judge)
                line = json.dumps(row, allow_nan=False)
            judged.append(
                (JudgedFile(file.arrival.name, file.arrival.state, file.sha256, line), row)
            )
        return judged, alarm

    def record(self, files: Sequence[JudgedFile], alarm: AlarmRecord | None) -> None:
        """Keep judgments and the alarm, on the disk; OutputError where that fails: nothing is kept."""
        told = None
        if alarm is not None and alarm is not self.alarm:
            told = alarm.alarm.state.fingerprint, alarm_json(alarm).decode()
        self._state.record(files, is_to_be_sent=bool(self._options.webhook), alarm=told)
        was_ringing = self.alarm is not None and self.alarm.alarm.is_ringing
        self.alarm = alarm
        if alarm is not None and alarm.alarm.is_ringing and not was_ringing:
            self._tell_alarm(alarm)

    def _watch(self, row: Row, alarm: AlarmRecord | None) -> AlarmRecord | None:
        if alarm is None:
            return None
        if row["score"] is not None:
            # no key: the database already sees to it that no image counts twice
            alarm = alarm.watched([WatchedImage(row["image"], None, row["score"])])
        row["alarm_rings"] = alarm.alarm.is_ringing
        return alarm

    def _add_files(self, row: Row, item: ScoredImage, file: ReadFile, judge: Judge) -> None:
        """Keep the image and draw its heatmap; where that fails, the result is kept all the same."""
        if self._recent is not None and file.content:
            row["kept"] = None
            try:
                kept = self._recent.keep(file.content, row["image"], file.path.suffix)
                row["kept"] = kept.relative_to(self._folder).as_posix()
            except OutputError as error:
                self._say(f"not kept: {error}")
        if self._options.heatmaps:
            row["heatmap"] = None
            try:
                row["heatmap"] = self._draw(row, item, file, judge)
            except Exception as error:
                # whatever a picture sets off, its result is not lost for it
                self._say(f"no heatmap of {row['image']}: {one_line(error)}")

    def _draw(self, row: Row, item: ScoredImage, file: ReadFile, judge: Judge) -> str | None:
        """Write the heatmap, and return its place below the folder; None where there is none."""
        if item.decision is None or item.heat is None or item.decision.outcome == "accepted":
            return None
        if judge.heat_scale is None or file.image is None:
            return None
        from defectory.workflows.scoring.heatmaps import draw_heatmap

        picture = draw_heatmap(file.image, item.heat, judge.heat_scale, item.decision.regions)
        # named by day and content: one that is judged again after a crash has the same
        name = f"{row['image']}~{file.sha256[:8]}"
        place = Path(HEATMAPS, row["time"][:10], safe_names([name], ".png")[0])
        try:
            write_whole(self._folder / place, picture)
        except OSError as error:
            raise cannot_write(self._folder / place, error) from error
        return place.as_posix()

    def _tell_alarm(self, record: AlarmRecord) -> None:
        at = f" It rang at {record.rang_on.image}." if record.rang_on else ""
        self._say(
            f"{record.alarm.explain()}{at} Check lamp and camera; where good parts have changed, "
            "recalibrate the bundle"
        )
