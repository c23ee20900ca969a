"""One service: its bundles, threads, records and counters, and what a request asks of them."""

import asyncio
import functools
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TypeVar

from starlette.requests import Request

from defectory.domain import DefectoryError, ImageReadError
from defectory.domain.errors import one_line
from defectory.service.bodies import Bodies
from defectory.service.logs import Log
from defectory.service.metrics import Metrics
from defectory.service.models import Looked, Models
from defectory.service.multipart import Upload
from defectory.service.options import ServiceOptions
from defectory.service.pool import Pool
from defectory.workflows.serving.bundles import ServedBundle
from defectory.workflows.serving.judging import Judged, Sent, Wanted, judge_sent, many_at_once
from defectory.workflows.serving.records import AlarmTold, Records, UnrecordedError

Result = TypeVar("Result")


@dataclass(frozen=True)
class Judgment:
    """What became of the images of a request.

    Attributes
    ----------
    results : of each image, or why it could not be read
    alarm : what the bundle's alarm says after them
    is_recorded : whether they are in the journal, where there is one
    """

    results: list[Judged | ImageReadError]
    alarm: AlarmTold | None
    is_recorded: bool


class Service:
    """What all requests share; `close` lets go of it.

    Parameters
    ----------
    given : bundles, see `find_bundles`
    options : of the service
    n_threads : images in work at once
    log : where to say what happens

    Raises
    ------
    DefectoryError : a bundle or the state folder cannot be used.
    """

    def __init__(
        self, given: Sequence[str], options: ServiceOptions, n_threads: int, log: Log
    ) -> None:
        limits = options.limits
        self.options, self.log = options, log
        self.metrics = Metrics()
        self.bodies = Bodies(limits)
        self._open = ExitStack()
        self._records: dict[str, Records] = {}
        self._stopping = threading.Event()
        with ExitStack() as opening:
            opening.enter_context(many_at_once())
            self._recorder = ThreadPoolExecutor(1, thread_name_prefix="record")
            opening.callback(self._recorder.shutdown)
            opening.callback(self._on_recorder, self._close_records)
            self.models = Models(given, self._prepare)
            self.pool = Pool(
                self._judge,
                n_threads,
                limits.waiting,
                limits.deadline_s,
                self.metrics.image_seconds.observe,
            )
            opening.callback(self.pool.close)
            self._open = opening.pop_all()
        self.metrics.places.set(self.pool.n_places)
        self.metrics.waiting.set_function(lambda: self.pool.n_inside)
        self._on_recorder(self._show_models)

    async def judge(
        self,
        request: Request,
        bundle: ServedBundle,
        uploads: Sequence[Upload],
        wanted: Wanted,
        *,
        is_all_or_nothing: bool = False,
    ) -> Judgment:
        """Return what a bundle says of images; it is in the journal then.

        Parameters
        ----------
        request : whose client waits
        is_all_or_nothing : record nothing where one of the images cannot be read

        Raises
        ------
        RequestError : there is no room (503), no time (504), or nobody waits.
        """
        items = [(bundle, Sent(upload.name, upload.content, wanted)) for upload in uploads]
        found = await self.pool.run(bundle.sha256, items, functools.partial(_left, request))
        results = [_readable(each) for each in found]
        judged = [each for each in results if isinstance(each, Judged)]
        self.metrics.unreadable.labels(bundle.name, bundle.version).inc(len(results) - len(judged))
        if not judged or (is_all_or_nothing and len(judged) < len(results)):
            return Judgment(results, None, True)
        self.metrics.judged(bundle, judged)
        request_id = request.scope["defectory"].request_id
        keep = functools.partial(self._keep, bundle, judged, request_id)
        alarm, is_recorded = await asyncio.get_running_loop().run_in_executor(self._recorder, keep)
        return Judgment(results, alarm, is_recorded)

    def look(self, *, only_settled: bool = False) -> list[Looked]:
        """Serve bundles whose files have changed, and say so; see `Models.look`."""
        before = dict(self.models.table.errors)
        found = self.models.look(only_settled=only_settled)
        for each in found:
            if each.bundle is not None and each.has_changed:
                self.metrics.reloads.labels(each.named.name).inc()
                version = each.before.version if each.before else ""
                self.log.write("bundle swapped", model=each.bundle.label, before=version)
            elif each.error and each.error not in before.values():
                self.log.write("bundle refused", "error", model=each.named.label, error=each.error)
        table = self.models.table
        self.metrics.reloaded(table.failing.union(table.bundles), table.failing)
        if any(each.has_changed for each in found):
            self._on_recorder(self._show_models)
        return found

    def watch(self) -> None:
        """Look at the files again and again until the service is closed; for a thread of its own."""
        while not self._stopping.wait(self.options.poll_s):
            try:
                self.look(only_settled=True)
                self._on_recorder(self._write_sometimes)
            except Exception as error:
                if not self._stopping.is_set():
                    self.log.write_mistake(error)

    def close(self) -> None:
        """Finish what is in work, and write what is kept."""
        self._stopping.set()
        self._open.close()

    def _judge(self, items: Sequence[tuple[ServedBundle, Sent]]) -> list[Judged | Exception]:
        """Judge images by one bundle, on a thread of the pool."""
        model = items[0][0].model
        return judge_sent(model, [sent for _, sent in items], self.options.limits.pixels)

    def _show_models(self) -> None:
        bundles = self.models.table.all()
        self.metrics.served(bundles)
        for bundle in bundles:
            self.metrics.alarm_told(bundle, self._records[bundle.name].alarm_of(bundle))

    def _prepare(self, bundle: ServedBundle) -> None:
        self._on_recorder(functools.partial(self._prepare_records, bundle))

    def _prepare_records(self, bundle: ServedBundle) -> None:
        if bundle.name not in self._records:
            state = self.options.state
            folder = None if state is None else state / bundle.name
            self._records[bundle.name] = Records(folder, self.options.recent_bytes)
        self._records[bundle.name].prepare(bundle)

    def _on_recorder(self, work: Callable[[], Result]) -> Result:
        return self._recorder.submit(work).result()

    def _keep(
        self, bundle: ServedBundle, judged: Sequence[Judged], request_id: str
    ) -> tuple[AlarmTold | None, bool]:
        records, is_recorded = self._records[bundle.name], True
        try:
            told = records.add(bundle, judged, request_id)
        except UnrecordedError as error:
            told, is_recorded = error.told, False
            self.metrics.unrecorded.inc()
            self.log.write("not recorded", "error", request_id=request_id, error=one_line(error))
        # it may have been swapped out while this request was in work
        if bundle in self.models.table.all():
            self.metrics.alarm_told(bundle, told)
        if told is not None and told.has_begun:
            self.log.write("alarm", "warning", model=bundle.label, said=told.said)
        return told, is_recorded

    def _write_sometimes(self) -> None:
        for records in self._records.values():
            records.write_sometimes()

    def _close_records(self) -> None:
        for name, records in self._records.items():
            try:
                records.close()
            except DefectoryError as error:
                self.log.write("not recorded", "error", model=name, error=one_line(error))


def _readable(found: Judged | Exception) -> Judged | ImageReadError:
    if isinstance(found, (Judged, ImageReadError)):
        return found
    if isinstance(found, MemoryError):
        return ImageReadError("cannot read the image: out of memory")
    raise found


async def _left(request: Request) -> None:
    """Wait until the client has gone."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
