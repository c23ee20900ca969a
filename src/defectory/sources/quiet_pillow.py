"""Pillow warns of odd but readable files; the data doctor says what matters of them."""

import warnings
from contextlib import ExitStack

from defectory.machine.shared_settings import SharedSetting


class _QuietPillow(SharedSetting):
    """Ignores warnings that Pillow raises; the filters of `warnings` belong to the process."""

    def __init__(self) -> None:
        super().__init__()
        self._filters = ExitStack()

    def _change(self) -> None:
        self._filters.enter_context(warnings.catch_warnings())
        warnings.filterwarnings("ignore", module=r"PIL\b")

    def _restore(self) -> None:
        self._filters.close()


quiet_pillow = _QuietPillow()
"""Use as `with quiet_pillow:`; threads may be inside at once."""
