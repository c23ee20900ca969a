"""Which files are there as a whole, and have not been judged."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

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


class Arrivals:
    """Files that were seen and not judged.

    Parameters
    ----------
    judged : name -> state of the files that were judged, as they were then
    settle_s : >= 0, a file is taken once it has stayed the same for so long
    patience_s : >= 0, see `PATIENCE_S`
    """

    def __init__(
        self, judged: Mapping[str, FileState], settle_s: float, patience_s: float = PATIENCE_S
    ) -> None:
        self._judged = dict(judged)
        self._settle_s = settle_s
        self._patience_s = patience_s
        self._seen: dict[str, tuple[FileState, float]] = {}
        self._again_s: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._seen)

    def look(self, files: Mapping[str, FileState], now_s: float) -> None:
        """Take notice of what lies in the folder at a time."""
        seen = {}
        for name, state in files.items():
            if self._judged.get(name) == state:
                continue
            before = self._seen.get(name)
            if before is None or before[0] != state:
                self._again_s.pop(name, None)
                before = state, now_s
            seen[name] = before
        self._seen = seen

    def ready(self, now_s: float) -> list[Arrival]:
        """Return the files to be judged now, the oldest first."""
        found = [
            Arrival(name, state, now_s - since_s >= self._patience_s)
            for name, (state, since_s) in self._seen.items()
            if now_s - since_s >= self._settle_s and now_s >= self._again_s.get(name, now_s)
        ]
        return sorted(
            found, key=lambda it: (it.state.modified_ns, natural_key(PurePosixPath(it.name)))
        )

    def judged(self, name: str, state: FileState) -> None:
        """Take notice that a file was judged as it was in that state."""
        self._judged[name] = state
        self._seen.pop(name, None)
        self._again_s.pop(name, None)

    def try_later(self, name: str, now_s: float) -> None:
        """Look at a file again, not at once: it could not be read, or was changed meanwhile."""
        self._again_s[name] = now_s + max(self._settle_s, self._patience_s / 10)
