"""Parts of some work as tasks of Ray, which says where they run, and runs them again where a worker is lost.

Workers are processes of Ray's, which keep what they have loaded. A part may run twice, or twice at once.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from defectory.distributed.clusters import Cluster, ClusterError, import_ray
from defectory.domain import Progress
from defectory.domain.errors import one_line
from defectory.domain.progress import CountedProgress
from defectory.workflows.elsewhere import Elsewhere, ElsewhereError, Work, shared_with_others

_MAX_PENDING = 1000
_MAX_RETRIES = 10
_LOOK_EVERY_S = 0.5


def run_tasks(
    work: Work, parts: Sequence[Any], folder: Path, cluster: Cluster, progress: Progress, stage: str,
    count: Callable[[], int],
) -> None:  # fmt: skip
    """Run the work once for each part, while connected.

    Parameters
    ----------
    work : goes to the workers, pickled
    folder : that all nodes share
    count : gives the steps of all parts; called when workers have begun

    Raises
    ------
    ElsewhereError, ClusterError : a part failed, or its worker was lost again and again.
    """
    ray = import_ray()
    counter = ray.remote(num_cpus=0, max_restarts=-1, max_task_retries=-1)(_Counter).remote()
    task = ray.remote(num_cpus=cluster.n_threads, max_retries=_MAX_RETRIES)(_run_part)
    waiting, n_shown = list(enumerate(parts))[::-1], -1
    pending: list[Any] = []
    with shared_with_others(folder, cluster.n_threads) as elsewhere:
        while waiting or pending:
            while waiting and len(pending) < _MAX_PENDING:
                pending.append(task.remote(elsewhere, counter, work, *waiting.pop()))
            if n_shown < 0:
                progress.start(stage, count())
                n_shown = 0
            done, pending = ray.wait(pending, timeout=_LOOK_EVERY_S)
            for each in done:
                _get(each)
            n_done = max(n_shown, _get(counter.n_done.remote()))
            progress.advance(n_done - n_shown)
            n_shown = n_done


def _get(reference: Any) -> Any:
    """Return what a task or actor has returned, or raise what it has raised."""
    ray = import_ray()
    try:
        return ray.get(reference)
    except ray.exceptions.RayError as error:
        if isinstance(cause := getattr(error, "cause", None), ElsewhereError):
            raise cause from None
        if "No module named 'defectory" in str(error):
            raise ClusterError("a node lacks defectory; install it on all of them") from error
        if isinstance(error, ray.exceptions.RayTaskError):
            raise  # for us to see
        raise ClusterError(f"workers are lost again and again: {one_line(error)}") from error


def _run_part(elsewhere: Elsewhere, counter: Any, work: Work, number: int, part: Any) -> None:
    """Run a part, in a worker."""
    progress = CountedProgress(lambda n_done: counter.set.remote(number, n_done))
    elsewhere.run(work, part, progress)
    _get(counter.set.remote(number, progress.n_done))


class _Counter:
    """Knows how far each part is; an actor."""

    def __init__(self) -> None:
        self._done: dict[int, int] = {}

    def set(self, number: int, n_done: int) -> None:
        self._done[number] = n_done

    def n_done(self) -> int:
        return sum(self._done.values())
