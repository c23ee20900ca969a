"""Which installed package something came from, as bundles and results name it."""

import re
import shlex
from dataclasses import dataclass

# A bundle may come from anyone, and what it says here ends in a command that a person is told to run.
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,98}[A-Za-z0-9])?")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+!_-]{0,63}")


@dataclass(frozen=True)
class Provider:
    """A package that offers plug-ins.

    Attributes
    ----------
    name : of the distribution, as pip knows it
    version : of the distribution

    Raises
    ------
    ValueError : the words name no package.
    """

    name: str
    version: str

    def __post_init__(self) -> None:
        for text, pattern in ((self.name, _NAME), (self.version, _VERSION)):
            if not isinstance(text, str) or not pattern.fullmatch(text):
                raise ValueError(f"{text!r} is no name or version of a package")

    def __str__(self) -> str:
        return f"{self.name} {self.version}"

    @property
    def key(self) -> str:
        """The name as packages are compared by: case, `-`, `_` and `.` make no difference."""
        return normalize(self.name)

    @property
    def install_command(self) -> str:
        """What installs this version."""
        return f"pip install {shlex.quote(f'{self.name}=={self.version}')}"


def normalize(name: str) -> str:
    """Return the name of a distribution in the form that all its spellings share."""
    return re.sub(r"[-_.]+", "-", name).lower()
