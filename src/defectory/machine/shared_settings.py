"""Settings that belong to the process, changed for as long as any of its threads wants that.

One of them: one thread a matrix product.
"""

import threading
from abc import ABC, abstractmethod
from types import TracebackType

from threadpoolctl import LibController, ThreadpoolController


class SharedSetting(ABC):
    """A context that threads may be inside at once.

    Threads that saved and restored the setting one by one would give it back while another still needs it, or
    never. The first to come in saves and changes it, the last to leave restores it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._n_inside = 0

    def __enter__(self) -> None:
        with self._lock:
            if self._n_inside == 0:
                self._change()
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
                self._restore()

    @abstractmethod
    def _change(self) -> None:
        """Save the setting and change it."""

    @abstractmethod
    def _restore(self) -> None:
        """Give back what was saved."""


class _OneThreadAProduct(SharedSetting):
    """Keeps NumPy's matrix products to one thread; the number belongs to the process."""

    def __init__(self) -> None:
        super().__init__()
        self._before: list[tuple[LibController, int]] = []

    def _change(self) -> None:
        found = ThreadpoolController().select(user_api="blas").lib_controllers
        self._before = [(library, library.num_threads) for library in found]
        for library in found:
            _set_threads(library, 1)

    def _restore(self) -> None:
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
