"""The one way in which long work says how far it is."""

import time
from collections.abc import Callable
from typing import Protocol


class Progress(Protocol):
    """Receives stages and steps: bars in the CLI, events in a service, nothing in tests."""

    def start(self, stage: str, total: int) -> None:
        """Begin a named stage.

        Parameters
        ----------
        stage : what is done, in a word or two
        total : number of its steps
        """
        ...

    def advance(self, steps: int = 1) -> None:
        """Finish more steps of the present stage.

        Parameters
        ----------
        steps : how many
        """
        ...

    def note(self, text: str) -> None:
        """Say how the present stage goes (a loss); replaces the note before.

        Parameters
        ----------
        text : a few words
        """
        ...

    def say(self, text: str) -> None:
        """Tell something that a person should know.

        Parameters
        ----------
        text : one line, which stays
        """
        ...


class NoProgress:
    """Silence."""

    def start(self, stage: str, total: int) -> None:
        """Do nothing."""

    def advance(self, steps: int = 1) -> None:
        """Do nothing."""

    def note(self, text: str) -> None:
        """Do nothing."""

    def say(self, text: str) -> None:
        """Do nothing."""


class CountedProgress(NoProgress):
    """Counts the steps of a stage, and tells now and then how many are done: to another process, say.

    Parameters
    ----------
    tell : takes how many
    every_s : seconds between two calls, at least

    Attributes
    ----------
    n_done : steps so far
    """

    def __init__(self, tell: Callable[[int], object], every_s: float = 1.0) -> None:
        self._tell, self._every_s, self._next = tell, every_s, 0.0
        self.n_done = 0

    def advance(self, steps: int = 1) -> None:
        """Finish more steps of the present stage."""
        self.n_done += steps
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + self._every_s
            self._tell(self.n_done)
