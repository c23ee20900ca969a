"""What a person should know of a result that is right as far as it goes."""

import warnings
from collections.abc import Iterable

from defectory.api.wording import in_python


class DefectoryWarning(UserWarning):
    """Something to know: too few good images for the promise, images left out, time that was short."""


def warn(notes: Iterable[str]) -> None:
    """Warn once of each note, in the words of Python, at the line that called the caller."""
    for note in dict.fromkeys(map(in_python, notes)):
        warnings.warn(note, DefectoryWarning, stacklevel=3)
