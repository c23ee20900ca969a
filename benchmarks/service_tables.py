"""What a service costs, as Markdown."""

from collections.abc import Sequence

from benchmarks.markdown import table
from benchmarks.result_files import Run

_NOTE = (
    "Magnetic tiles, one image a request, sent over loopback by clients that each wait for their answer; "
    "service and load generator share the cores. Offline is the same bundle on the same files, from disk. "
    "Memory is that of the service after a twentieth of the requests, and the most afterwards. Goals: at "
    "least 90 % of the images a second, a 99th percentile of at most ten images' time, no failure, flat "
    "memory."
)


def service(runs: Sequence[Run]) -> str:
    """Return a table; the same runs give the same text."""
    head = [
        "", "requests", "clients", "offline, images/s", "service, images/s", "of offline",
        "one image offline", "p50", "p99", "p99, in images", "failures", "memory",
    ]  # fmt: skip
    return "\n".join(["## Service\n", f"{_NOTE}\n", table(head, [_row(run) for run in runs])])


def _row(run: Run) -> list[str]:
    offline, served = run["offline"], run["service"]
    early, *later = served["memory_mb"][1:] or served["memory_mb"]
    return [
        f"`{run['detector']}`",
        f"{served['n_requests']:,}",
        str(run["n_clients"]),
        f"{offline['images_per_s']:.1f}",
        f"{served['images_per_s']:.1f}",
        f"{served['images_per_s'] / offline['images_per_s']:.0%}",
        f"{1000 * offline['one_image_s']:.0f} ms",
        f"{1000 * served['p50_s']:.0f} ms",
        f"{1000 * served['p99_s']:.0f} ms",
        f"{served['p99_s'] / offline['one_image_s']:.1f}",
        str(served["n_failures"]),
        f"{early:.0f} MB, then at most {max(later, default=early):.0f} MB",
    ]
