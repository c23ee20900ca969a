"""Runs of a benchmark side by side: a process and a core each, for machines with many."""

import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import Any

TIMED = ("fit_s", "peak_mb", "images_a_second", "update_s")
"""Figures that say nothing where runs compete for a machine."""

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def each(
    measure: Callable[..., dict[str, Any]], tasks: Iterable[tuple[Any, ...]], n_jobs: int
) -> Iterator[dict[str, Any]]:
    """Yield what `measure` returns for each task, in any order; without timings if runs are side by side.

    Parameters
    ----------
    measure : a function of a module, for it is sent to other processes
    n_jobs : 1 runs one after the other, here
    """
    if n_jobs == 1:
        for task in tasks:
            yield measure(*task)
        return
    for name in _THREADS:
        os.environ[name] = "1"
    context = multiprocessing.get_context("spawn")
    turn = context.Value("i", 0)
    with ProcessPoolExecutor(n_jobs, context, _take_core, (turn,)) as pool:
        for found in as_completed([pool.submit(measure, *task) for task in tasks]):
            yield untimed(found.result())


def untimed(found: Any) -> Any:
    """Return JSON data without its timings, wherever they stand."""
    if isinstance(found, dict):
        return {key: untimed(value) for key, value in found.items() if key not in TIMED}
    return found


def _take_core(turn: Any) -> None:
    """Bind this process to a core of its own: ONNX Runtime would start a thread for each there is."""
    if not hasattr(os, "sched_setaffinity"):
        return
    cores = sorted(os.sched_getaffinity(0))
    with turn.get_lock():
        own = cores[turn.value % len(cores)]
        turn.value += 1
    os.sched_setaffinity(0, {own})
