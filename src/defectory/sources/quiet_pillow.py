"""Pillow warns of odd but readable files; the data doctor says what matters of them."""

import threading
import warnings
from contextlib import ExitStack
from types import TracebackType


class _QuietPillow:
    """Ignores warnings that Pillow raises while at least one thread is inside.

    The filters of `warnings` belong to the process: threads that saved and restored them one by one
    could leave them changed. The first to come in saves them, the last to leave restores them.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._filters = ExitStack()

    def __enter__(self) -> None:
        with self._lock:
            if self._inside == 0:
                self._filters.enter_context(warnings.catch_warnings())
                warnings.filterwarnings("ignore", module=r"PIL\b")
            self._inside += 1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._filters.close()


quiet_pillow = _QuietPillow()
"""Use as `with quiet_pillow:`; threads may be inside at once."""
