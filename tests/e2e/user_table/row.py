"""A row of the table: what a user has, what they do, and what must come of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

Build = Callable[[Path], None]
"""Writes something into the user's folder."""

NEVER = (
    r"Traceback",
    r"\b(Key|Index|Attribute|Name|Assertion|Recursion|Unicode\w*|ZeroDivision|NotImplemented)Error\b",
    r"\[Errno",
    r"<class |object at 0x",
    r"\\udc",
)
"""What no answer may contain: words for programmers."""


@dataclass(frozen=True)
class Stop:
    """A signal in the middle of a command.

    Attributes
    ----------
    by : name of the signal
    step : sent at this step of a stage
    """

    by: str
    step: int


@dataclass(frozen=True)
class Row:
    """One thing that a user may try.

    Attributes
    ----------
    name : in the user's words
    do : a command line without `defectory`, as a shell would split it; lines of Python where `python`
    given : what lies on the disk, in order
    status : exit status; of Python 0, or 1 where a DefectoryError is raised
    says : patterns that the whitespace-squeezed answer matches, in any case of letters
    never : further patterns that it must not match, beside `NEVER`
    leaves : names (or fnmatch patterns) that must be there afterwards and were not before
    may_leave : those that may
    replaces : prepared names that may change or go; everything else stays as it was, byte for byte
    holds : new file -> patterns of its content
    then : another command line, which must succeed after that and leaves `then_leaves`
    python : `do` is Python
    process : in a process of its own; `shell`: by a shell, `defectory` written out
    env : environment variables of that process
    stop : interrupted
    small_disk : a disk of this many kB (read-only where 0) is mounted as the folder `small`, whose
        content is there as `after` when the command is done
    thorough : tried by `make thorough` only: it takes long, and a row like it is always tried
    """

    name: str
    do: str
    given: Sequence[Build] = ()
    status: int = 0
    says: Sequence[str] = ()
    never: Sequence[str] = ()
    leaves: Sequence[str] = ()
    may_leave: Sequence[str] = ()
    replaces: Sequence[str] = ()
    holds: Mapping[str, Sequence[str]] = field(default_factory=dict)
    then: str = ""
    then_leaves: Sequence[str] = ()
    python: bool = False
    process: bool = False
    shell: bool = False
    env: Mapping[str, str] = field(default_factory=dict)
    stop: Stop | None = None
    small_disk: int | None = None
    thorough: bool = False


def refused(name: str, do: str, given: Sequence[Build], *says: str, status: int = 1) -> Row:
    """Return a row of something that is answered with a clear error, and leaves nothing."""
    return Row(name, do, given, status, says)
