"""How much memory this process holds."""

import sys
from pathlib import Path

_STATUS = Path("/proc/self/statm")
# Where nothing tells: Python, NumPy and what a fit imports before it begins.
_UNKNOWN_BYTES = 200 * 2**20


def resident_bytes() -> int:
    """Return the resident memory of this process, in bytes; its peak so far where the present is not told."""
    try:
        import resource

        n_pages = int(_STATUS.read_text().split()[1])
        return n_pages * resource.getpagesize()
    except (ImportError, OSError, ValueError, IndexError):
        pass
    try:
        import resource

        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    except ImportError:  # Windows
        return _UNKNOWN_BYTES
