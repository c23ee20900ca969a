"""The standalone page of outliers: one file, no script, nothing fetched."""

from html import escape

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from defectory.domain.images import Image
from defectory.reports.html import UNPRINTABLE, make_environment
from defectory.reports.outlier_content import NamedPicture, OutlierContent
from defectory.reports.pictures import jpeg_uri

_N_TYPICAL = 3
_PHOTO_PX, _THUMB_PX = 240, 96
# Tiny pictures are enlarged with hard pixels, so that a digit of 28 px can be seen at all.
_ENLARGE_TO_PX = 112
_N_BINS = 60
_PLOT_WIDTH, _PLOT_HEIGHT, _PLOT_FOOT = 640, 150, 26


def render_outliers(content: OutlierContent) -> str:
    """Return a whole HTML page, ready to be written as UTF-8; the same content gives the same page.

    Every string is escaped; characters that no HTML file can hold become U+FFFD.
    """
    template = make_environment().get_template("outliers.html.j2")
    typical = {slot.number: slot.pictures[:_N_TYPICAL] for slot in content.slots}
    page = template.render(
        content=content,
        histogram=_histogram(content.scores, content.cut),
        items=[
            (item, _photo(item.picture), [_thumb(p) for p in typical.get(item.slot, ())])
            for item in content.items
        ],
        groups=[(group, [_thumb(p) for p in group.pictures]) for group in content.groups],
        slots=[(slot, [_thumb(p) for p in slot.pictures]) for slot in content.slots],
    )
    return UNPRINTABLE.sub("\ufffd", page)


def _photo(picture: NamedPicture) -> tuple[str, str]:
    return picture.name, jpeg_uri(_at_side(picture.image, _PHOTO_PX))


def _thumb(picture: NamedPicture) -> tuple[str, str]:
    return picture.name, jpeg_uri(_at_side(picture.image, _THUMB_PX))


def _at_side(image: Image, longest_px: int) -> Image:
    """Return the image shrunk to a longest side, or enlarged by a whole factor where it is tiny."""
    height, width = image.shape[:2]
    longest = max(height, width)
    if longest <= longest_px:
        factor = max(1, min(_ENLARGE_TO_PX, longest_px) // longest)
        return np.repeat(np.repeat(image, factor, axis=0), factor, axis=1)
    shrink = longest_px / longest
    size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
    return np.asarray(PIL.Image.fromarray(image).resize(size, PIL.Image.Resampling.LANCZOS))


def _histogram(scores: NDArray[np.floating], cut: float) -> str:
    """Return an SVG of the scores on a logarithmic axis, listed ones in the color of the anomalous."""
    positive = np.maximum(np.asarray(scores, np.float64), 1e-9)
    logs = np.log10(positive)
    low, high = float(logs.min()), float(logs.max())
    high = high if high > low else low + 1e-3
    edges = np.linspace(low, high, _N_BINS + 1)
    counts, _ = np.histogram(logs, edges)
    # square roots: the few that are odd are to be seen beside the many that are not
    heights = np.sqrt(counts) / max(1.0, float(np.sqrt(counts.max())))
    at = float(np.clip((np.log10(max(cut, 1e-9)) - low) / (high - low), 0, 1)) if cut > 0 else 0.0
    step, foot = _PLOT_WIDTH / _N_BINS, _PLOT_HEIGHT - _PLOT_FOOT
    bars = "".join(
        f'<rect class="{"anomalous" if (i + 0.5) / _N_BINS > at else "normal"}" x="{i * step:.1f}" '
        f'y="{foot - h * (foot - 8):.1f}" width="{step - 1:.1f}" height="{h * (foot - 8):.1f}"/>'
        for i, h in enumerate(heights)
    )
    ticks = "".join(
        f'<text x="{share * _PLOT_WIDTH:.0f}" y="{_PLOT_HEIGHT - 6}" text-anchor="{anchor}">'
        f"{escape(f'{10 ** (low + share * (high - low)):.3g}')}</text>"
        for share, anchor in ((0.0, "start"), (0.5, "middle"), (1.0, "end"))
    )
    x = at * _PLOT_WIDTH
    return (
        f'<svg class="plot wide" viewBox="0 0 {_PLOT_WIDTH} {_PLOT_HEIGHT}" role="img" '
        f'aria-label="Histogram of the scores of all images">{bars}'
        f'<line class="axis" x1="0" x2="{_PLOT_WIDTH}" y1="{foot}" y2="{foot}"/>'
        f'<line class="threshold" x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{foot}"/>{ticks}</svg>'
    )
