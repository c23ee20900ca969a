"""Progress on a terminal: stage, rate, time left; and plain lines where there is none."""

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from defectory.cli.errors import raise_if_interrupted
from defectory.cli.options import QUIET
from defectory.cli.text import one_line

# Seconds between two lines of one stage.
_LINE_EVERY_S = 10.0


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else _rate(speed), style="progress.data.speed")


class Bars:
    """One bar a stage on standard error; where that is no terminal, now and then a line; quiet, neither."""

    def __init__(self) -> None:
        context = click.get_current_context(silent=True)
        is_quiet = context is not None and bool(context.meta.get(QUIET))
        self._console = Console(stderr=True)
        is_terminal = self._console.is_terminal
        self._bars = Progress(
            TextColumn("{task.description:24}"),
            BarColumn(),
            MofNCompleteColumn(),
            _Rate(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
            console=self._console,
            disable=is_quiet or not is_terminal,
        )
        self._lines = None if is_quiet or is_terminal else Lines(self._print)
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        if not self._bars.disable:
            self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self._bars.disable:  # rich before 14.3 would print an empty line
            self._bars.stop()
        if self._lines is not None and kind is None:
            self._lines.end()

    def start(self, stage: str, total: int) -> None:
        """Begin a stage with a bar of its own."""
        self._task = self._bars.add_task(stage, total=total, note="")
        if self._lines is not None:
            self._lines.start(stage, total)

    def advance(self, steps: int = 1) -> None:
        """Move the bar of the present stage; KeyboardInterrupt where a Ctrl-C went astray."""
        raise_if_interrupted()
        if self._task is not None:
            self._bars.advance(self._task, steps)
        if self._lines is not None:
            self._lines.advance(steps)

    def note(self, text: str) -> None:
        """Write behind the bar of the present stage."""
        if self._task is not None:
            self._bars.update(self._task, note=text)

    def say(self, text: str) -> None:
        """Write a line that stays, above the bars; also where there is no terminal, or when quiet."""
        self._print(one_line(text))

    def _print(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)


class Lines:
    """Plain lines for a log: one when a stage begins, one when it ends, and between them one in ten seconds.

    A stage has begun when its first step is done: what goes wrong before is an error of one line.

    Parameters
    ----------
    write : takes a line
    clock : seconds
    """

    def __init__(
        self, write: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._write, self._clock = write, clock
        self._stage = ""

    def start(self, stage: str, total: int) -> None:
        """End the stage before, and begin one."""
        self.end()
        self._stage, self._total, self._n_done = stage, total, 0
        self._started = self._written = self._clock()

    def advance(self, steps: int) -> None:
        """Say how far the stage is, if it is time."""
        if not self._stage or not steps:
            return
        if not self._n_done:
            self._write(f"{self._stage}: {self._total:,}")
        self._n_done += steps
        now = self._clock()
        if now - self._written >= _LINE_EVERY_S and self._n_done < self._total:
            self._written = now
            self._write(self._line(now - self._started))

    def end(self) -> None:
        """Say how long the stage took."""
        if self._stage and self._n_done:
            seconds = self._clock() - self._started
            self._write(f"{self._stage}: {self._n_done:,} done in {_duration(seconds)}")
        self._stage = ""

    def _line(self, seconds: float) -> str:
        line = f"{self._stage}: {self._n_done:,} of {self._total:,}"
        speed = self._n_done / max(seconds, 1e-9)
        left = (self._total - self._n_done) / speed
        return f"{line}, {_rate(speed)}, about {_duration(left)} left"


def _rate(speed: float) -> str:
    return f"{speed:,.{0 if speed >= 10 else 1}f}/s"


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
