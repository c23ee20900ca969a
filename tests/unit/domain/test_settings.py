"""What no setting may be."""

from math import inf, nan

import numpy as np
import pytest

from defectory.domain import ParameterError, check_settings


@pytest.mark.parametrize("bad", [nan, inf, -inf, np.float32("nan"), np.float64("inf")])
def test_numbers_that_are_not_finite_are_refused_by_name(bad):
    with pytest.raises(ParameterError, match=r"^blur_px is -?(nan|inf); give a finite number$"):
        check_settings({"size_px": 256, "blur_px": bad})


@pytest.mark.parametrize("bad", [-1, 1.5, 2.0, "0", None, True, nan])
def test_a_seed_is_an_integer_of_at_least_0(bad):
    with pytest.raises(ParameterError, match=r"^seed is "):
        check_settings({"seed": bad})


def test_anything_else_passes():
    check_settings({})
    check_settings({"seed": np.int64(3), "rate": 0.5, "budget": None, "name": "inf", "flag": False})
    check_settings({"seed": 2**70, "count": -5})
