"""A sheet of simulated defects for a person's eye: original, simulated, outline, caption."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from defectory.domain.images import Image, Mask

_TILE_PX = 160
_GAP_PX = 3
_MARGIN_PX = 14
_CAPTION_PX = 20
_TITLE_PX = 34
_PAPER, _INK, _MUTED = (250, 250, 248), (28, 30, 34), (110, 114, 120)
_OUTLINE = np.array([255, 64, 32], np.uint8)
_LEGEND = "each triple: original, with a simulated defect, outline of its mask"


@dataclass(frozen=True, eq=False)
class SheetEntry:
    """One triple of the sheet: `original` and `simulated` (h, w, 3) uint8, `mask` (h, w) bool."""

    original: Image
    simulated: Image
    mask: Mask
    caption: str


def draw_contact_sheet(entries: Sequence[SheetEntry], title: str) -> Image:
    """Return the sheet.

    Parameters
    ----------
    entries : at least one; images of any size
    title : one line above them

    Returns
    -------
    (h, w, 3) uint8; three triples side by side, where there are as many
    """
    n_columns = min(3, len(entries))
    n_rows = -(-len(entries) // n_columns)
    triple_w = 3 * _TILE_PX + 2 * _GAP_PX
    cell_w, cell_h = triple_w + _MARGIN_PX, _TILE_PX + _CAPTION_PX + _MARGIN_PX
    size = (n_columns * cell_w + _MARGIN_PX, n_rows * cell_h + _TITLE_PX + 2 * _MARGIN_PX)
    sheet = Pillow.new("RGB", size, _PAPER)
    draw = ImageDraw.Draw(sheet)
    small, large = ImageFont.load_default(12), ImageFont.load_default(17)
    draw.text((_MARGIN_PX, _MARGIN_PX), title, _INK, large)
    if n_columns > 1:  # one column is too narrow for both
        draw.text((size[0] - _MARGIN_PX, _MARGIN_PX + 4), _LEGEND, _MUTED, small, anchor="ra")
    for i, entry in enumerate(entries):
        row, column = divmod(i, n_columns)
        x = _MARGIN_PX + column * cell_w
        y = _TITLE_PX + _MARGIN_PX + row * cell_h
        for j, tile in enumerate(_tiles(entry)):
            sheet.paste(tile, (x + j * (_TILE_PX + _GAP_PX), y))
        draw.text((x, y + _TILE_PX + 3), entry.caption, _INK, small)
    return np.asarray(sheet)


def _tiles(entry: SheetEntry) -> tuple[Pillow.Image, Pillow.Image, Pillow.Image]:
    simulated = _tile(entry.simulated)
    outlined = np.array(simulated)
    covered = _tile(np.where(entry.mask, 255, 0).astype(np.uint8), Pillow.Resampling.BOX)
    # any covered pixel counts, so that thin defects keep an outline
    outlined[_outline(np.asarray(covered) > 0)] = _OUTLINE
    return _tile(entry.original), simulated, Pillow.fromarray(outlined)


def _tile(array: Image, resampling: Pillow.Resampling = Pillow.Resampling.BICUBIC) -> Pillow.Image:
    """Return the picture in the middle of a square tile, aspect kept."""
    picture = Pillow.fromarray(array)
    h, w = array.shape[:2]
    shrink = _TILE_PX / max(h, w)
    size = (max(1, round(w * shrink)), max(1, round(h * shrink)))
    tile = Pillow.new(picture.mode, (_TILE_PX, _TILE_PX), 0 if picture.mode == "L" else _PAPER)
    corner = ((_TILE_PX - size[0]) // 2, (_TILE_PX - size[1]) // 2)
    tile.paste(picture.resize(size, resampling), corner)
    return tile


def _outline(mask: Mask) -> Mask:
    """Return the pixels just around the mask: the defect itself stays in sight."""
    padded = np.pad(mask, 1)
    grown = padded[1:-1, 1:-1] | padded[:-2, 1:-1] | padded[2:, 1:-1]
    grown = grown | padded[1:-1, :-2] | padded[1:-1, 2:]
    return np.asarray(grown & ~mask)
