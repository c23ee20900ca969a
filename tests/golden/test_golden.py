"""What must not change unnoticed. After a wanted change: python -m tests.golden.regenerate"""

import importlib
import json

import numpy as np
import pytest

from tests.golden.regenerate import EXACT_DETECTORS, FOLDER, api_surface, scores

# From one processor to the next sums are rounded differently, and what is learned from them by a little more.
RELATIVE = 3e-3


def _golden(name):
    return json.loads((FOLDER / name).read_text())


def test_public_names():
    assert api_surface() == _golden("api_surface.json")


def test_public_names_exist():
    for room, names in api_surface().items():
        module = importlib.import_module(room)
        for name in names:
            assert hasattr(module, name), f"{room}.{name}"


@pytest.fixture(scope="module")
def found():
    return scores()


@pytest.mark.parametrize("detector", EXACT_DETECTORS)
def test_scores(detector, found):
    golden = _golden("scores.json")
    assert list(golden) == list(EXACT_DETECTORS)
    for name, expected in golden[detector].items():
        # values near zero are compared with the size of the others
        tolerance = RELATIVE * np.abs(expected).max()
        np.testing.assert_allclose(
            found[detector][name], expected, rtol=RELATIVE, atol=tolerance, err_msg=name
        )
