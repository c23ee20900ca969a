"""A hot folder is watched: what comes into it is judged, once, whatever ends the process and whenever."""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from defectory.domain import DataError, OutputError, ParameterError
from defectory.machine import count_readers
from defectory.workflows.scoring.rows import Row
from defectory.workflows.watching.arrivals import Arrival, Arrivals
from defectory.workflows.watching.bundle_files import BundleFile
from defectory.workflows.watching.judging import ReadFile, read_arrivals
from defectory.workflows.watching.listing import Listing, list_images
from defectory.workflows.watching.options import WatchOptions, WatchSummary
from defectory.workflows.watching.place import check_place, take_place
from defectory.workflows.watching.recorder import Recorder
from defectory.workflows.watching.result_files import ResultFiles
from defectory.workflows.watching.signatures import read_secret
from defectory.workflows.watching.state import WatchState
from defectory.workflows.watching.webhooks import Address, Sender

SECRET = "webhook.secret"

_STEP_S = 0.1  # a signal ends a pause within so long
_N_POLLS_FULL_DISK = 10
_DRAIN_S = 30.0
_FORGET_S = 7 * 24 * 3600.0
_FORGET_EVERY_S = 24 * 3600.0

Say = Callable[[str], None]


def watch(
    options: WatchOptions,
    *,
    say: Say,
    told: Callable[[Row], None] = lambda _: None,
    is_ending: Callable[[], bool] = lambda: False,
) -> WatchSummary:
    """Judge every image that lies in a folder or comes into it, until the end is asked for.

    `output` holds `watch.sqlite` (what was judged; what is still to be written and sent), files
    `results/<day>.jsonl` (a line an image, as `score` writes them, in the order of judging), and what else is
    asked for. Images are read, never moved, changed or removed. A folder that is not there is waited for; an
    `output` of its results is not made before.

    Parameters
    ----------
    say : told what a person should know
    told : gets the row of each image, after it is on the disk
    is_ending : asked between images, and ten times a second while there are none

    Raises
    ------
    OutputError : results cannot be kept there (see `check_place`); with `once`, also where a disk is full.
    BundleError, PluginError, ParameterError : the bundle, an address or a secret cannot be used.
    DataError : what an earlier run has kept is damaged; with `once`, also where the folder cannot be read.

    Notes
    -----
    A file counts as new where its size or times are others than when it was judged, and its content is, too.
    Judgment, alarm and message come to the disk in one transaction; files and messages are made from there.
    """
    if options.poll_s <= 0 or options.settle_s < 0:
        raise ParameterError("looking takes a time above 0, settling one that is not below")
    address = Address.parse(options.webhook) if options.webhook else None
    check_place(options.output, options.folder, options.bundle)
    said = _Said(say)
    bundle = BundleFile(
        options.bundle,
        false_reject_rate=options.false_reject_rate,
        miss_rate=options.miss_rate,
        has_alarm=options.alarm,
        has_heatmaps=options.heatmaps,
        say=say,
    )
    key = read_secret(options.secret) if address is not None and options.secret is not None else b""
    if not options.output.exists() and not _await_folder(options, said, is_ending):
        return WatchSummary(0, 0, 0, 0, 0, None)
    with ExitStack() as opened:
        opened.callback(take_place(options.output).release)
        state = WatchState(options.output)
        opened.callback(state.close)
        files = ResultFiles(
            options.output, state, has_journal=options.journal, has_answers=options.answers
        )
        opened.callback(files.close)
        sender = None
        if address is not None:
            sender = Sender(state, address, key or read_secret(options.output / SECRET), say)
            sender.start()
            opened.callback(sender.stop)
        watcher = _Watcher(options, bundle, state, files, sender, said, told, is_ending)
        return watcher.run()


def _await_folder(options: WatchOptions, said: "_Said", is_ending: Callable[[], bool]) -> bool:
    """Wait for a folder of which there are no results yet; return whether it is there.

    Nothing is made meanwhile: its name may be misspelt.
    """
    while not is_ending():
        try:
            next(options.folder.iterdir(), None)
        except OSError as error:
            _cannot_look(options, error, said)
            _wait(options.poll_s, is_ending)
        else:
            return True
    return False


def _cannot_look(options: WatchOptions, error: OSError, said: "_Said") -> None:
    """Say that the folder is away, and is waited for; DataError where it is looked into once."""
    text = f"cannot look into {options.folder}: {error.strerror or error}"
    if options.once:
        raise DataError(text) from error
    said("folder", f"{text}; waiting for it")


def _wait(seconds: float, is_ending: Callable[[], bool]) -> None:
    end_s = time.monotonic() + seconds
    while not is_ending() and (left_s := end_s - time.monotonic()) > 0:
        time.sleep(min(_STEP_S, left_s))


class _Said:
    """Says a trouble once, not at every look, until another one comes or it is over."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._now: dict[str, str] = {}

    def __call__(self, about: str, text: str, over: str = "") -> None:
        before = self._now.get(about, "")
        if text and text != before:
            self._say(text)
        elif before and not text and over:
            self._say(over)
        self._now[about] = text


class _Watcher:
    def __init__(
        self,
        options: WatchOptions,
        bundle: BundleFile,
        state: WatchState,
        files: ResultFiles,
        sender: Sender | None,
        said: _Said,
        told: Callable[[Row], None],
        is_ending: Callable[[], bool],
    ) -> None:
        self._options = options
        self._bundle = bundle
        self._state = state
        self._files = files
        self._sender = sender
        self._said = said
        self._told = told
        self._is_ending = is_ending
        self._arrivals = Arrivals(state.judged, options.settle_s, options.patience_s)
        self._recorder = Recorder(options, state, lambda text: said("beside", text))
        self._recorder.take_up(bundle.judge)
        self._rows: list[Row] = []
        self._counts = {"judged": 0, "rejected": 0, "review": 0, "unreadable": 0}
        self._forgot_s = -_FORGET_EVERY_S

    def run(self) -> WatchSummary:
        """Work until the end is asked for, or everything is judged."""
        while not self._is_ending():
            try:
                if self._work():
                    break
            except OutputError as error:
                self._cannot_write("state", error)
                self._wait(self._options.poll_s)
        if self._options.once and self._sender is not None:
            self._sender.drain(_DRAIN_S)
        return WatchSummary(
            n_judged=self._counts["judged"],
            n_rejected=self._counts["rejected"],
            n_review=self._counts["review"],
            n_unreadable=self._counts["unreadable"],
            n_unsent=self._state.count_unsent() if self._sender is not None else 0,
            alarm=self._recorder.alarm,
        )

    def _work(self) -> bool:
        """Look, judge what is ready, and wait until it is time to look again; return whether all is done."""
        began_s = time.monotonic()
        listing = self._look()
        looked_s = time.monotonic() - began_s
        pause_s = max(self._options.poll_s, looked_s)
        # while many wait, looking takes a tenth of the time at most: new ones come behind them anyway
        self._judge_until(began_s + max(pause_s, 10 * looked_s))
        self._publish()
        if self._options.once and listing is not None and not len(self._arrivals):
            return True
        self._wait(began_s + pause_s - time.monotonic())
        return False

    def _look(self) -> Listing | None:
        """Look into the folder; None where it is away: what was seen there before stays known."""
        folder = self._options.folder
        try:
            listing = list_images(folder)
        except OSError as error:
            _cannot_look(self._options, error, self._said)
            return None
        self._said("folder", "", f"{folder} is there again")
        self._said("parts", "; ".join(listing.problems))
        now_s = time.monotonic()
        self._arrivals.look(listing.files, now_s)
        if listing.files and now_s - self._forgot_s > _FORGET_EVERY_S:
            self._state.forget(listing.files, time.time() - _FORGET_S)
            self._forgot_s = now_s
        return listing

    def _judge_until(self, end_s: float) -> None:
        """Judge what is ready, a few at once, until it is time to look again; one part in any case."""
        ready = self._arrivals.ready(time.monotonic())
        n_at_once = 2 * count_readers()
        for start in range(0, len(ready), n_at_once):
            self._judge(ready[start : start + n_at_once])
            self._publish()
            if self._is_ending() or time.monotonic() > end_s:
                return

    def _judge(self, arrivals: Sequence[Arrival]) -> None:
        if self._bundle.take_up():
            self._recorder.take_up(self._bundle.judge)
        files = []
        for each in read_arrivals(self._options.folder, arrivals):
            if isinstance(each, ReadFile):
                files.append(each)
            else:
                self._arrivals.try_later(each.name, time.monotonic())
        if not files:
            return
        judged, alarm = self._recorder.judge(files, self._bundle.judge)
        while True:
            try:
                self._recorder.record([file for file, _ in judged], alarm)
                break
            except OutputError as error:
                self._cannot_write("state", error)
                if self._is_ending():
                    return  # the next run judges them
                self._wait(_N_POLLS_FULL_DISK * self._options.poll_s)
        self._said("state", "", "results can be kept again")
        for file, row in judged:
            self._arrivals.judged(file.name, file.state)
            if row is not None:
                self._count(row)
                self._told(row)

    def _publish(self) -> None:
        """Write results into their files, and let messages go."""
        if self._sender is not None:
            self._sender.wake()
        try:
            self._files.write()
            self._files.settle()
        except OutputError as error:
            self._cannot_write("files", error)
        else:
            self._said("files", "", "results can be written again")

    def _cannot_write(self, what: str, error: OutputError) -> None:
        if self._options.once:
            raise error
        self._said(what, f"{error}; waiting until it can be")

    def _count(self, row: Row) -> None:
        self._counts["judged"] += 1
        if row["score"] is None:
            self._counts["unreadable"] += 1
        elif row["is_anomalous"]:
            self._counts["rejected"] += 1
        elif row.get("outcome") == "review":
            self._counts["review"] += 1

    def _wait(self, seconds: float) -> None:
        _wait(seconds, self._is_ending)
