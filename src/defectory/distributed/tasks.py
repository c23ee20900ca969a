"""Parts of some work as tasks of Ray, which says where they run, and runs those again that are lost."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from defectory.distributed.clusters import Cluster, ClusterError, import_ray
from defectory.domain import Progress
from defectory.domain.errors import one_line
from defectory.domain.progress import CountedProgress
from defectory.workflows.elsewhere import Elsewhere, ElsewhereError, Work, shared_with_others
from defectory.workflows.shards.membership import Shard, all_shards

_MAX_PENDING, _MAX_RETRIES, _LOOK_EVERY_S, _ANSWER_S = 1000, 10, 0.5, 60


def run_tasks(
    work: Work, n_parts: int, folder: Path, cluster: Cluster, progress: Progress, stage: str,
    count: Callable[[], int] | None = None,
) -> None:  # fmt: skip
    """Run the work once for each of its parts, while connected.

    Parameters
    ----------
    work : takes one of the parts, which may run twice; goes to the workers, pickled
    folder : that all nodes share
    count : gives the steps of all parts, when workers have begun; None shows parts alone

    Raises
    ------
    ElsewhereError, ClusterError : a part failed, or its worker was lost again and again.
    """
    ray = import_ray()
    counter = ray.remote(num_cpus=0, max_restarts=-1, max_task_retries=-1)(_Counter).remote()
    task = ray.remote(num_cpus=cluster.n_threads, max_retries=_MAX_RETRIES)(_run_part)
    waiting, pending, n_shown = all_shards(n_parts)[::-1], list[Any](), -1
    with shared_with_others(folder, cluster.n_threads) as elsewhere:
        while waiting or pending:
            while waiting and len(pending) < _MAX_PENDING:
                pending.append(task.remote(elsewhere, counter, work, waiting.pop()))
            if n_shown < 0:
                progress.start(stage, n_parts if count is None else count())
                n_shown = 0
            done, pending = ray.wait(pending, timeout=_LOOK_EVERY_S)
            _get(done)
            n_done = n_parts - len(waiting) - len(pending)
            if count is not None:
                n_done = max(n_shown, _get(counter.n_done.remote()))
            progress.advance(n_done - n_shown)
            n_shown = n_done


def _get(references: Any) -> Any:
    """Return what tasks or an actor have returned, or raise what one has raised."""
    ray = import_ray()
    try:
        return ray.get(references, timeout=_ANSWER_S)  # a cluster that went away would never
    except ray.exceptions.RayError as error:
        if isinstance(cause := getattr(error, "cause", None), ElsewhereError):
            raise cause from None
        if "No module named 'defectory" in str(error):
            raise ClusterError("a node lacks defectory; install it on all of them") from error
        if isinstance(error, ray.exceptions.RayTaskError):
            raise  # for us to see
        raise ClusterError(f"workers are lost again and again: {one_line(error)}") from error


def _run_part(elsewhere: Elsewhere, counter: Any, work: Work, part: Shard) -> None:
    """Run a part, in a worker."""
    progress = CountedProgress(lambda n_done: counter.set.remote(part, n_done))
    elsewhere.run(work, part, progress)
    _get(counter.set.remote(part, progress.n_done))


class _Counter:
    """Knows how far each part is; an actor."""

    def __init__(self) -> None:
        self._done: dict[Shard, int] = {}

    def set(self, part: Shard, n_done: int) -> None:
        self._done[part] = n_done

    def n_done(self) -> int:
        return sum(self._done.values())
