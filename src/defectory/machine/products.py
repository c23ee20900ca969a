"""One thread a matrix product, for as long as anyone in this process wants it."""

from threadpoolctl import LibController, ThreadpoolController

from defectory.machine.shared_settings import SharedSetting


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
