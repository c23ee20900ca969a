"""How many images the cache takes before others read them ahead."""

import numpy as np
import pytest

from defectory.domain import ArrayImages, ResourceError
from defectory.workflows.outliers.collection import Collection
from defectory.workflows.outliers.reading import plan_reading
from defectory.workflows.outliers.results import OutlierOptions

IMAGES = ArrayImages([np.zeros((8, 8, 3), np.uint8)])


def test_each_image_is_read_twice():
    assert plan_reading(Collection("few", ["a"] * 150_000, IMAGES), OutlierOptions()) == 300_000


def test_more_than_the_cache_holds_is_refused():
    many = Collection("many", ["a"] * 200_000, IMAGES)
    with pytest.raises(
        ResourceError, match=r"200,000 images do not fit .* those of 1[78]\d,\d{3}:"
    ):
        plan_reading(many, OutlierOptions())
