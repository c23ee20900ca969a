"""One thread a matrix product, for as long as anyone in this process wants it."""

import threading
from types import TracebackType

from threadpoolctl import LibController, ThreadpoolController


class _OneThreadAProduct:
    """Keeps NumPy's matrix products to one thread while at least one thread is inside.

    The number belongs to the process: threads that saved and restored it one by one would give it back while
    another still computes, or never. The first to come in saves it, the last to leave restores it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._n_inside = 0
        self._before: list[tuple[LibController, int]] = []

    def __enter__(self) -> None:
        with self._lock:
            if self._n_inside == 0:
                found = ThreadpoolController().select(user_api="blas").lib_controllers
                self._before = [(library, library.num_threads) for library in found]
                for library in found:
                    _set_threads(library, 1)
            self._n_inside += 1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._lock:
            self._n_inside -= 1
            if self._n_inside == 0:
                for library, n_threads in self._before:
                    _set_threads(library, n_threads)


def _set_threads(library: LibController, n_threads: int) -> None:
    """Set the number for the process.

    Recent versions of threadpoolctl listen only to the Python thread that set a number first, for as long as
    that lives: another could neither set the limit nor, last to leave, take it back.
    """
    getattr(library, "_real_set_num_threads", library.set_num_threads)(n_threads)


one_thread_a_product = _OneThreadAProduct()
"""Use as `with one_thread_a_product:`; threads may be inside at once.

The cores are busy with the next images already: threads that wait for each other by spinning would take the
cores from them.
"""
