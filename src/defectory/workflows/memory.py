"""Work kept within the memory that a user allows: fewer images are read at once, or it is refused."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from defectory.domain import ResourceError
from defectory.machine import at_most_readers, count_readers
from defectory.machine.memory import resident_bytes

if TYPE_CHECKING:
    from defectory.sources.costs import ReadingCosts

# What estimates do not see: the allocator's leftovers, results on their way to disk.
_MARGIN = 1.05


@dataclass(frozen=True)
class MemoryNeed:
    """What some work takes of memory beside the process as it is, from above.

    Attributes
    ----------
    what : the work, for the message where it is refused: "fitting gaussian on 20 images"
    fixed_bytes : whatever the number of images that are read at once
    reader_bytes : of each image that is read at once, beside decoding it
    n_decodings : images that are decoded at once for each of them
    advice : what a user can change beside the limit
    kept_file_bytes : of files that are kept in memory as they are, at most
    """

    what: str
    fixed_bytes: int
    reader_bytes: int
    advice: str
    n_decodings: int = 1
    kept_file_bytes: int = 0


@dataclass(frozen=True)
class MemoryPlan:
    """How work keeps within its limit.

    Attributes
    ----------
    n_readers : images that are read at once; None where nothing is limited
    estimated_bytes : peak of the process, from above; 0 where nothing is limited
    spare_bytes : what is left of the limit
    """

    n_readers: int | None = None
    estimated_bytes: int = 0
    spare_bytes: int = 0


def plan_memory(
    max_memory_bytes: int | None, need: MemoryNeed, paths: Sequence[Path]
) -> MemoryPlan:
    """Return how the work keeps within the limit; the files' headers are read where there is one.

    Parameters
    ----------
    max_memory_bytes : of the whole process, or None for no limit
    need : of the work
    paths : the images and masks that it reads

    Raises
    ------
    ResourceError : it would need more with one image at a time.
    """
    if max_memory_bytes is None:
        return MemoryPlan()
    from defectory.sources.costs import reading_costs  # not loaded where nothing is limited

    costs = reading_costs(paths)
    kept = min(need.kept_file_bytes, costs.n_file_bytes)
    fixed = int(_MARGIN * (resident_bytes() + need.fixed_bytes + kept))
    each = int(_MARGIN * (need.reader_bytes + need.n_decodings * costs.largest_bytes))
    if fixed + each > max_memory_bytes:
        raise ResourceError(_refusal(need, costs, fixed + each, max_memory_bytes))
    n_readers = min(count_readers(), (max_memory_bytes - fixed) // each)
    estimated = fixed + n_readers * each
    return MemoryPlan(n_readers, estimated, max_memory_bytes - estimated)


@contextmanager
def within(plan: MemoryPlan) -> Iterator[None]:
    """Read no more images at once than planned."""
    with at_most_readers(plan.n_readers):
        yield


def _refusal(need: MemoryNeed, costs: "ReadingCosts", needed: int, allowed: int) -> str:
    size = f" of up to {costs.largest_px / 1e6:.1f} megapixels" if costs.largest_px else ""
    return (
        f"{need.what}{size} needs {needed / 1e9:.2f} GB, and {allowed / 1e9:.2f} GB are allowed; "
        f"allow more (--max-memory, max_memory=){need.advice}"
    )
