"""Whether there is a desktop that a browser can open a window on."""

import os
import sys


def has_window() -> bool:
    """Return whether a page can be shown: in a bare terminal a text browser would take it over."""
    if sys.platform in ("win32", "darwin"):
        return True
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
