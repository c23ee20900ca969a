"""The only label codes of the project."""

from enum import IntEnum


class Label(IntEnum):
    """What a person has said of an image. Unlabeled is not normal; a missing mask is not an empty one."""

    UNLABELED = -1
    NORMAL = 0
    ANOMALOUS = 1
