"""Settings that belong to the process, changed for as long as any of its threads wants that."""

import threading
from abc import ABC, abstractmethod
from types import TracebackType


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
