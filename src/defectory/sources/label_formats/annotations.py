"""What a tool's file says of images, in its words, before it is known what they mean."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from defectory.sources.label_formats.shapes import Shape


@dataclass(frozen=True)
class Annotation:
    """One mark on an image.

    Attributes
    ----------
    word : the category, as written
    shape : where; None where the tool drew no area (a point, a line) or none is known
    """

    word: str
    shape: Shape | None = None


@dataclass(frozen=True)
class AnnotatedImage:
    """What one person, or one entry of a file, says of an image.

    Attributes
    ----------
    name : path of the image, as the file has it
    size : (height, width) in pixels that coordinates are for; None where the file does not say
    verdicts : words on the image as a whole
    annotations : marks on it
    """

    name: str
    size: tuple[int, int] | None = None
    verdicts: Sequence[str] = ()
    annotations: Sequence[Annotation] = field(default=(), repr=False)


@dataclass(frozen=True)
class ReadLabels:
    """A file of labels, or a folder of them.

    Attributes
    ----------
    format : its name, as in FORMATS
    images : in the file's order; one that several people or entries speak of comes several times
    notes : what was passed over, a line each
    """

    format: str
    images: Sequence[AnnotatedImage]
    notes: tuple[str, ...] = ()
