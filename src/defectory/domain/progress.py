"""The one way in which long work says how far it is."""

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
