"""Which files are there as a whole, and have not been judged."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from operator import itemgetter
from pathlib import PurePosixPath
from typing import Any

from defectory.sources.files import natural_key
from defectory.workflows.watching.listing import FileState

PATIENCE_S = 10.0
"""A file that cannot be read may be in the making: it is tried again for so long after its last change."""


@dataclass(frozen=True)
class Arrival:
    """A file to be judged.

    Attributes
    ----------
    name : relative to the folder, with forward slashes
    state : as it was when it was seen
    is_last_try : a file that cannot be read now is taken for unreadable
    """

    name: str
    state: FileState
    is_last_try: bool


@dataclass(frozen=True)
class _Seen:
    """A file in one state: since when, and its place among the others."""

    state: FileState
    since_s: float
    place: tuple[Any, ...]


class Arrivals:
    """Files that were seen and not judged.

    Parameters
    ----------
    recall : names -> name and state of those that were judged, as they were then
    settle_s : >= 0, a file is taken once it has stayed the same for so long
    patience_s : >= 0, see `PATIENCE_S`
    """

    def __init__(
        self,
        recall: Callable[[Iterable[str]], Mapping[str, FileState]],
        settle_s: float,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._recall = recall
        self._judged: dict[str, FileState] = {}  # of what lies in the folder, and no more
        self._settle_s = settle_s
        self._patience_s = patience_s
        self._seen: dict[str, _Seen] = {}
        self._again_s: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._seen)

    def look(self, files: Mapping[str, FileState], now_s: float) -> None:
        """Take notice of what lies in the folder at a time."""
        new = [name for name in files if name not in self._judged and name not in self._seen]
        self._judged.update(self._recall(new))
        self._judged = {name: it for name, it in self._judged.items() if name in files}
        seen = {}
        for name, state in files.items():
            if self._judged.get(name) == state:
                continue
            known = self._seen.get(name)
            if known is None or known.state != state:
                self._again_s.pop(name, None)
                place = state.modified_ns, natural_key(PurePosixPath(name))
                known = _Seen(state, now_s, place)
            seen[name] = known
        self._seen = seen

    def ready(self, now_s: float) -> list[Arrival]:
        """Return the files to be judged now, the oldest first."""
        ready = [
            (seen.place, name, seen)
            for name, seen in self._seen.items()
            if now_s - seen.since_s >= self._settle_s and now_s >= self._again_s.get(name, now_s)
        ]
        return [
            Arrival(name, seen.state, now_s - seen.since_s >= self._patience_s)
            for _, name, seen in sorted(ready, key=itemgetter(0))
        ]

    def judged(self, name: str, state: FileState) -> None:
        """Take notice that a file was judged as it was in that state."""
        self._judged[name] = state
        self._seen.pop(name, None)
        self._again_s.pop(name, None)

    def try_later(self, name: str, now_s: float) -> None:
        """Look at a file again, not at once: it could not be read, or was changed meanwhile."""
        self._again_s[name] = now_s + max(self._settle_s, self._patience_s / 10)
