"""Progress on a terminal: stage, rate, time left."""

from types import TracebackType
from typing import Self

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

from defectory.cli.interruption import raise_if_interrupted
from defectory.cli.text import one_line


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        if speed is None:
            return Text("")
        return Text(f"{speed:,.{0 if speed >= 10 else 1}f}/s", style="progress.data.speed")


class Bars:
    """One bar a stage on standard error; nothing where that is no terminal."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        self._bars = Progress(
            TextColumn("{task.description:24}"),
            BarColumn(),
            MofNCompleteColumn(),
            _Rate(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
            console=console,
            disable=not console.is_terminal,
        )
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

    def start(self, stage: str, total: int) -> None:
        """Begin a stage with a bar of its own."""
        self._task = self._bars.add_task(stage, total=total, note="")

    def advance(self, steps: int = 1) -> None:
        """Move the bar of the present stage; KeyboardInterrupt where a Ctrl-C went astray."""
        raise_if_interrupted()
        if self._task is not None:
            self._bars.advance(self._task, steps)

    def note(self, text: str) -> None:
        """Write behind the bar of the present stage."""
        if self._task is not None:
            self._bars.update(self._task, note=text)

    def say(self, text: str) -> None:
        """Write a line that stays, above the bars; also where there is no terminal."""
        self._bars.console.print(one_line(text), markup=False, highlight=False, soft_wrap=True)
