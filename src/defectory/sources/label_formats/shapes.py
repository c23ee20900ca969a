"""Shapes that a person has drawn -> pixels. A pixel is marked where its center lies inside.

Coordinates are those of image editors: (0, 0) is the upper left corner of the image, and pixel (0, 0) reaches
to (1, 1).
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from defectory.domain import MaskError
from defectory.domain.images import Mask
from defectory.sources.label_formats.polygon_filling import Points, fill_polygon
from defectory.sources.label_formats.run_lengths import runs_to_values

MAX_SHAPES = 10_000
"""More on one image are refused."""


class Shape(Protocol):
    """What marks pixels."""

    def draw(self, mask: Mask) -> None:
        """Mark the pixels of an image; outside of it nothing is marked.

        Raises
        ------
        MaskError : the shape is damaged, too large, or for another size.
        """
        ...


@dataclass(frozen=True, eq=False)
class Polygon:
    """A polygon; what it surrounds an even number of times is not inside.

    Attributes
    ----------
    points : at least three
    is_box : a rectangle that somebody drew around a defect, which fills it seldom
    """

    points: Points = field(repr=False)
    is_box: bool = False

    def draw(self, mask: Mask) -> None:
        """Mark the pixels whose centers lie inside; see Shape."""
        fill_polygon(self.points, mask)


@dataclass(frozen=True)
class Ellipse:
    """An ellipse.

    Attributes
    ----------
    x, y : center
    radius_x, radius_y : > 0
    degrees : by which it is turned clockwise
    """

    x: float
    y: float
    radius_x: float
    radius_y: float
    degrees: float = 0

    def draw(self, mask: Mask) -> None:
        """Mark the pixels whose centers lie inside; see Shape."""
        h, w = mask.shape
        reach = max(self.radius_x, self.radius_y)
        left, right = (int(np.clip(self.x + r, 0, w)) for r in (-reach, reach + 1))
        top, bottom = (int(np.clip(self.y + r, 0, h)) for r in (-reach, reach + 1))
        dx = np.arange(left, right)[None, :] + 0.5 - self.x
        dy = np.arange(top, bottom)[:, None] + 0.5 - self.y
        cos, sin = math.cos(math.radians(self.degrees)), math.sin(math.radians(self.degrees))
        with np.errstate(over="ignore"):  # of a radius of next to nothing
            along, across = (
                (dx * cos + dy * sin) / self.radius_x,
                (dy * cos - dx * sin) / self.radius_y,
            )
            mask[top:bottom, left:right] |= along**2 + across**2 <= 1


@dataclass(frozen=True)
class Runs:
    """Runs of unmarked and marked pixels in a box of the image.

    Attributes
    ----------
    counts : of pixels, unmarked first
    height, width : of the box
    top, left : where it lies
    is_by_column : runs go down columns, as in COCO
    is_whole : the box is the whole image, and must have its size
    """

    counts: Sequence[int] = field(repr=False)
    height: int
    width: int
    top: int = 0
    left: int = 0
    is_by_column: bool = False
    is_whole: bool = True

    def draw(self, mask: Mask) -> None:
        """Mark the pixels; see Shape."""
        check_size((self.height, self.width), mask, is_whole=self.is_whole)
        h, w = mask.shape
        if min(self.height, self.width) < 1:
            raise MaskError(f"a mask has {self.width} x {self.height} px")
        if not (0 <= self.top <= h - self.height and 0 <= self.left <= w - self.width):
            raise MaskError(
                f"a mask of {self.width} x {self.height} px at ({self.left}, {self.top}) does not lie in "
                f"the image of {w} x {h} px"
            )
        values = runs_to_values(self.counts, self.height * self.width)
        drawn = (
            values.reshape(self.width, self.height).T
            if self.is_by_column
            else values.reshape(self.height, self.width)
        )
        mask[self.top : self.top + self.height, self.left : self.left + self.width] |= drawn


@dataclass(frozen=True)
class Bitmap:
    """Pixels in a tool's own packing.

    Attributes
    ----------
    height, width : of the image they are for
    unpack : returns (height, width) bool, when it is asked to
    """

    height: int
    width: int
    unpack: Callable[[], Mask] = field(repr=False)

    def draw(self, mask: Mask) -> None:
        """Mark the pixels; see Shape."""
        check_size((self.height, self.width), mask, is_whole=True)
        mask |= self.unpack()


def draw_shapes(shapes: Sequence[Shape], size: tuple[int, int]) -> Mask:
    """Return (h, w) bool of an image's (height, width); MaskError, see Shape."""
    if len(shapes) > MAX_SHAPES:
        raise MaskError(f"{len(shapes):,} shapes on one image; at most {MAX_SHAPES:,} are read")
    mask = np.zeros(size, np.bool_)
    for shape in shapes:
        shape.draw(mask)
    return mask


def make_polygon(
    coordinates: Iterable[float], *, scale: tuple[float, float] = (1, 1), is_box: bool = False
) -> Polygon | None:
    """Return the polygon of x, y, x, y, ...; None where it has no area at all.

    Parameters
    ----------
    scale : by which x and y are multiplied
    is_box : see Polygon

    Raises
    ------
    MaskError : coordinates are odd in number, no numbers or beyond all images.
    """
    values = list(coordinates)
    if len(values) % 2:
        raise MaskError(f"a polygon has {len(values)} coordinates, an odd number")
    for value in values:
        check_number(value)
    points = np.array(values, np.float64).reshape(-1, 2) * scale
    return Polygon(points, is_box) if len(points) >= 3 else None


def make_box(
    left: float,
    top: float,
    right: float,
    bottom: float,
    *,
    degrees: float = 0,
    around: tuple[float, float] | None = None,
) -> Polygon | None:
    """Return a rectangle, turned clockwise around a point (None: its middle), as a polygon; MaskError."""
    for value in (left, top, right, bottom, degrees):
        check_number(value)
    corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float64)
    if degrees:
        middle = np.array(around or ((left + right) / 2, (top + bottom) / 2))
        cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
        corners = (corners - middle) @ np.array([[cos, sin], [-sin, cos]]) + middle
    return Polygon(corners, is_box=True) if left != right and top != bottom else None


def make_ellipse(
    x: float, y: float, radius_x: float, radius_y: float, degrees: float = 0
) -> Ellipse | None:
    """Return an ellipse; None where it has no area; MaskError where a value is no number."""
    for value in (x, y, radius_x, radius_y, degrees):
        check_number(value)
    if radius_x < 0 or radius_y < 0:
        raise MaskError("an ellipse has a negative radius")
    return Ellipse(x, y, radius_x, radius_y, degrees) if radius_x and radius_y else None


def check_number(value: float) -> None:
    """Refuse what is no place in an image: NaN, infinity, beyond a million pixels; MaskError."""
    if not abs(value) <= 1e6:  # nan is not
        shown = f"{value:g}" if isinstance(value, float) else "a number of many digits"
        raise MaskError(f"a coordinate is {shown}")


def check_size(size: tuple[int, int], mask: Mask, *, is_whole: bool) -> None:
    """Refuse a mask of another size than its image; MaskError."""
    if is_whole and size != mask.shape:
        raise MaskError(
            f"a mask is for {size[1]} x {size[0]} px, but the image has {mask.shape[1]} x {mask.shape[0]} px "
            "(width x height)"
        )
