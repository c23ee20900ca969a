import numpy as np
import pytest

from defectory.domain import ParameterError
from defectory.domain.otsu import otsu_threshold


def test_it_lies_midway_in_the_gap():
    threshold, separation = otsu_threshold([0.0, 0.2, 0.4, 9.0, 9.5])
    assert threshold == pytest.approx(4.7)
    assert separation > 0.99


def test_gray_values_are_split_as_scores_are():
    threshold, separation = otsu_threshold(np.array([[10, 12, 14], [200, 202, 204]], np.uint8))
    assert threshold == 107
    assert separation > 0.99


def test_even_values_are_hardly_separated():
    assert otsu_threshold(np.arange(256))[1] == pytest.approx(0.75, abs=0.01)


def test_one_single_value_is_not_split():
    assert otsu_threshold(np.full(5, 9, np.uint8)) == (9.0, 0.0)


@pytest.mark.parametrize("values", [[], [0.0, np.nan], [np.inf, 1.0]])
def test_no_values_or_infinite_ones_are_refused(values):
    with pytest.raises(ParameterError, match="at least one value, and finite ones"):
        otsu_threshold(values)
