"""The training loop: steps, averages, checkpoints, exact resumption, time budget."""

import hashlib
import json
import math
import signal
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from defectory.domain import (
    CheckpointError,
    NoProgress,
    OutputError,
    ParameterError,
    Progress,
    TrainingResources,
)
from defectory.training.checkpoints import State, load_checkpoint, save_checkpoint
from defectory.training.devices import limited_threads

# Steps before a time budget is planned; the first is left out, since it pays for what is made once.
_N_TIMED = 6
# Averages of the losses that are kept of a whole run.
_N_WINDOWS = 100


class Trainee(Protocol):
    """What is trained. All that a step depends on is in `state`: weights, optimizer, random generators."""

    def step(self, index: int, n_steps: int) -> Mapping[str, float]:
        """Take step `index` (from 0) of a run planned as `n_steps`; return the losses to report."""
        ...

    def state(self) -> State:
        """Return what `save_checkpoint` can hold."""
        ...

    def restore(self, state: State) -> None:
        """Take what `state` gave."""
        ...


@dataclass(frozen=True)
class TrainingRun:
    """How a run went.

    Attributes
    ----------
    n_steps : steps taken, those before a resumption included
    n_planned : steps of the schedule that ran; fewer than were asked for under a time budget
    n_resumed : step that this process began at
    wall_s : seconds of training, over all processes
    history : averages of the losses over a hundredth of the run each, with `step`, the last of them
    """

    n_steps: int
    n_planned: int
    n_resumed: int
    wall_s: float
    history: tuple[Mapping[str, float], ...]


def fingerprint_run(config: Mapping[str, Any], data: Iterable[str]) -> str:
    """Return a hash of a JSON-ready config and of the fingerprints of the data, in order."""
    digest = hashlib.sha256(json.dumps(config, sort_keys=True).encode())
    for fingerprint in data:
        digest.update(f"\n{fingerprint}".encode())
    return digest.hexdigest()


def train(
    trainee: Trainee,
    n_steps: int,
    resources: TrainingResources,
    *,
    fingerprint: str,
    stage: str = "training",
    progress: Progress | None = None,
    stop: Callable[[], bool] | None = None,
) -> TrainingRun:
    """Run the steps; resume exactly where a checkpoint of the same run lies.

    Parameters
    ----------
    n_steps : >= 1, asked for; under a time budget the most there will be
    fingerprint : of config and data, see `fingerprint_run`: what makes a checkpoint this run's own
    stop : asked before each step; True ends the run after a checkpoint

    Raises
    ------
    CheckpointError : the checkpoint is damaged, or another run's.
    ParameterError : a loss is not finite.
    KeyboardInterrupt : after the step in hand and a checkpoint; a second interruption does not wait.

    Notes
    -----
    A time budget is planned after a few steps were timed, and the plan shrinks (never grows) when the machine
    slows down, so that a schedule of (index, n_steps) comes to its proper end. The checkpoint is removed
    when the run is complete. Where it cannot be written that is said once, and the run goes on without.
    """
    progress = progress or NoProgress()
    run = _Run(trainee, n_steps, resources, fingerprint, progress)
    run.resume()
    progress.start(stage, run.n_planned - run.n_done)
    with limited_threads(resources), _held_interruption() as is_interrupted:
        while run.n_done < run.n_planned:
            if stop is not None and stop():
                run.save()
                return run.result()
            run.take_step()
            if is_interrupted():
                run.save()
                raise KeyboardInterrupt
            run.save_if_due()
    if resources.checkpoint is not None:
        with suppress(OSError):  # it says itself that the run is complete
            resources.checkpoint.unlink(missing_ok=True)
    return run.result()


class _Run:
    """The counters of a run beside the trainee's own state."""

    def __init__(
        self,
        trainee: Trainee,
        n_steps: int,
        resources: TrainingResources,
        fingerprint: str,
        progress: Progress,
    ) -> None:
        if n_steps < 1:
            raise ParameterError(f"n_steps is {n_steps}; give 1 or more")
        self._trainee, self._fingerprint = trainee, fingerprint
        self._resources, self._progress = resources, progress
        self.n_planned, self.n_done, self.n_resumed = n_steps, 0, 0
        self._seconds_before = 0.0
        self._started = self._saved = time.monotonic()
        self._sums: dict[str, float] = defaultdict(float)
        self._n_summed = 0
        self._history: list[dict[str, float]] = []

    def resume(self) -> None:
        """Take the state of the checkpoint, if there is one."""
        path = self._resources.checkpoint
        if path is None or not _exists(path):
            return
        state = load_checkpoint(path)
        if state["fingerprint"] != self._fingerprint:
            raise CheckpointError(
                f"the checkpoint {path} belongs to a run with other settings or images; "
                "remove it, or name another file"
            )
        self._trainee.restore(state["trainee"])
        self.n_planned, self.n_done = state["n_planned"], state["n_done"]
        self.n_resumed = self.n_done
        self._seconds_before = state["wall_s"]
        self._sums = defaultdict(float, state["sums"])
        self._n_summed, self._history = state["n_summed"], state["history"]

    def save(self) -> None:
        """Write the checkpoint, if one is wanted."""
        if self._resources.checkpoint is None:
            return
        state = {
            "fingerprint": self._fingerprint,
            "n_planned": self.n_planned,
            "n_done": self.n_done,
            "wall_s": self.wall_s,
            "sums": dict(self._sums),
            "n_summed": self._n_summed,
            "history": self._history,
            "trainee": self._trainee.state(),
        }
        try:
            save_checkpoint(self._resources.checkpoint, state)
        except OutputError as error:
            self._progress.say(f"note: {error}; an interruption would lose what was trained")
            self._resources = replace(self._resources, checkpoint=None)
        self._saved = time.monotonic()

    def save_if_due(self) -> None:
        """Write the checkpoint where the last is old enough."""
        if time.monotonic() - self._saved >= self._resources.checkpoint_every_s:
            self.save()

    def take_step(self) -> None:
        """Take one step, add up its losses, and keep the time budget."""
        losses = self._trainee.step(self.n_done, self.n_planned)
        self.n_done += 1
        self._n_summed += 1
        for name, value in losses.items():
            if not math.isfinite(value):
                raise ParameterError(
                    f"training diverged at step {self.n_done}: {name} is {value}; "
                    "a lower learning rate may help"
                )
            self._sums[name] += value
        self._progress.advance()
        n_here = self.n_done - self.n_resumed
        if n_here == 1:
            self._first_ended = time.monotonic()
        if self._n_summed >= max(1, self.n_planned // _N_WINDOWS) or self.n_done == self.n_planned:
            self._close_window()
            self._keep_time(n_here)
        elif n_here == _N_TIMED:
            self._keep_time(n_here)

    def result(self) -> TrainingRun:
        """Return how it went so far."""
        return TrainingRun(
            self.n_done, self.n_planned, self.n_resumed, self.wall_s, tuple(self._history)
        )

    @property
    def wall_s(self) -> float:
        """Seconds of training, over all processes."""
        return self._seconds_before + time.monotonic() - self._started

    def _close_window(self) -> None:
        means = {name: total / self._n_summed for name, total in self._sums.items()}
        self._history.append({"step": self.n_done, **means})
        self._progress.note(", ".join(f"{name} {value:.3g}" for name, value in means.items()))
        self._sums, self._n_summed = defaultdict(float), 0

    def _keep_time(self, n_here: int) -> None:
        """Shorten the plan to what the time budget has room for at the speed so far."""
        budget_s = self._resources.time_budget_s
        if budget_s is None or n_here < _N_TIMED:
            return
        seconds_each = (time.monotonic() - self._first_ended) / (n_here - 1)
        n_more = int(max(0.0, budget_s - self.wall_s) / max(seconds_each, 1e-9))
        # one step more where time is up, so that a schedule sees its end
        self.n_planned = min(self.n_planned, self.n_done + max(1, n_more))


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # in a folder that may not be entered
        return False


@contextmanager
def _held_interruption() -> Iterator[Callable[[], bool]]:
    """Give a question: was Ctrl-C pressed? A step is not torn, for half a step cannot be resumed."""
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False  # signals reach only the main thread
        return
    pressed = threading.Event()
    before = signal.getsignal(signal.SIGINT)

    def hold(*_: object) -> None:
        if pressed.is_set():
            raise KeyboardInterrupt
        pressed.set()

    signal.signal(signal.SIGINT, hold)
    try:
        yield pressed.is_set
    finally:
        signal.signal(signal.SIGINT, before)
