"""A picture of any mode to RGB, all rows at once."""

import numpy as np
from PIL import Image as Pillow


def as_rgb_at_once(picture):
    values = np.asarray(picture)
    if picture.mode == "F":
        return np.repeat(np.rint(values * 255).astype(np.uint8)[:, :, None], 3, axis=2)
    if picture.mode.startswith("I"):
        return np.repeat(
            ((values.astype(np.int64) + 128) // 257).astype(np.uint8)[:, :, None], 3, 2
        )
    if picture.has_transparency_data:
        white = Pillow.new("RGBA", picture.size, "white")
        picture = Pillow.alpha_composite(white, picture.convert("RGBA"))
    return np.array(picture.convert("RGB"))
