"""Work that takes longer than a request: one job at a time, on a thread, with its progress."""

import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass

from defectory.domain import DefectoryError, Progress
from defectory.review.errors import RequestError, told
from defectory.review.threads import background_thread

_JOIN_S = 30.0


@dataclass(frozen=True)
class JobState:
    """How far a job is.

    Attributes
    ----------
    kind : teach
    stage : what is done now, in a word or two
    done, total : its steps
    error : why it has ended without a result, in a sentence; None while it runs
    """

    kind: str
    stage: str
    done: int
    total: int
    error: str | None


class Jobs:
    """Runs one job at a time. Threads may ask at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._progress: JobProgress | None = None
        self._thread: threading.Thread | None = None

    def start(self, kind: str, work: Callable[[Progress], object]) -> None:
        """Begin a job, and return at once; RequestError 409 where one is at work."""
        with self._lock:
            if self._thread is not None and self._thread.is_alive():
                raise RequestError(409, "A job is at work already; wait until it is done.")
            self._progress = JobProgress(kind)
            progress = self._progress
            self._thread = background_thread(lambda: _run(progress, work), kind)
            self._thread.start()

    def state(self) -> JobState | None:
        """Return how far the job is, or why the last one failed; None where all is done."""
        progress = self._progress
        return None if progress is None or progress.is_done else progress.state()

    def stop(self) -> None:
        """Ask the job to end at its next step, and wait a little for it."""
        if self._progress is not None:
            self._progress.is_stopped = True
        if self._thread is not None:
            self._thread.join(_JOIN_S)


class _StoppedError(Exception):
    """The server ends."""


class JobProgress:
    """Progress of a job, which the page asks for; see `domain.Progress`."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._stage, self._done, self._total = "starting", 0, 0
        self.error: str | None = None
        self.is_done = False
        self.is_stopped = False

    def state(self) -> JobState:
        """Return how far it is."""
        return JobState(self._kind, self._stage, self._done, self._total, self.error)

    def start(self, stage: str, total: int) -> None:
        """Begin a stage."""
        self._go_on()
        self._stage, self._done, self._total = stage, 0, total

    def advance(self, steps: int = 1) -> None:
        """Finish steps."""
        self._go_on()
        self._done += steps

    def note(self, text: str) -> None:
        """Do nothing: the page shows stages and steps."""

    def say(self, text: str) -> None:
        """Do nothing: the account of what was learned says it again."""

    def _go_on(self) -> None:
        if self.is_stopped:
            raise _StoppedError


def _run(progress: JobProgress, work: Callable[[Progress], object]) -> None:
    try:
        work(progress)
    except _StoppedError:
        progress.error = "The server was stopped."
    except DefectoryError as error:
        progress.error = told(error)
    except MemoryError:
        progress.error = "out of memory"
    except Exception:
        traceback.print_exc(file=sys.stderr)
        progress.error = "The server has made a mistake; the terminal it runs in says more."
    else:
        progress.is_done = True
