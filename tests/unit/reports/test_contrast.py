import importlib.resources
import re

import numpy as np
import pytest


def _css() -> str:
    return (
        importlib.resources.files("defectory.reports").joinpath("templates/report.css").read_text()
    )


def _luminance(color: str) -> float:
    digits = color if len(color) == 6 else "".join(2 * digit for digit in color)
    channels = np.array([int(digits[i : i + 2], 16) for i in (0, 2, 4)]) / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


@pytest.mark.parametrize("scheme", [0, 1, 2], ids=["light", "dark", "print"])
def test_words_stand_out_from_their_ground(scheme):
    blocks = re.findall(r":root \{(.*?)\}", _css(), re.DOTALL)
    assert len(blocks) == 3
    color = dict(re.findall(r"--([\w-]+): #([0-9a-f]{3,6})", blocks[scheme]))
    inks = ("ink", "soft", "normal", "anomalous", "good", "bad")
    pairs = [(ink, "page") for ink in inks] + [
        ("ink", "panel"),
        ("soft", "panel"),
        ("ink", "sunk"),
        ("soft", "sunk"),
        ("ink", "warn-page"),
    ]
    for ink, ground in pairs:
        low, high = sorted([_luminance(color[ink]), _luminance(color[ground])])
        assert (high + 0.05) / (low + 0.05) >= 4.5, (ink, ground)
