import numpy as np
import pytest

import defectory
from defectory import Gaussian
from tests.pictures import disc, scratched, write_mvtec

SIZE_PX = 64


@pytest.fixture(scope="session")
def good():
    rng = np.random.default_rng(0)
    return [disc(rng, 96) for _ in range(16)]


@pytest.fixture(scope="session")
def defects():
    """Return pairs of an image and its mask."""
    rng = np.random.default_rng(1)
    return [scratched(disc(rng, 96), rng) for _ in range(3)]


@pytest.fixture(scope="session")
def parts(tmp_path_factory):
    root = tmp_path_factory.mktemp("api") / "parts"
    return write_mvtec(root, n_train=12, n_good=3, n_defective=3)


@pytest.fixture(scope="session")
def model(good):
    with pytest.warns(defectory.DefectoryWarning, match="needs 283 more good images"):
        return defectory.fit(good, assume_good=True, detector=Gaussian(size_px=SIZE_PX))


class Column:
    """Behaves like a pandas Series, which is no Sequence and counts from anywhere."""

    def __init__(self, values):
        self._values = values

    def __len__(self):
        return len(self._values)

    def __iter__(self):
        return iter(self._values)

    def __contains__(self, value):
        return value in self._values

    def __getitem__(self, label):
        raise KeyError(label)

    def __array__(self, dtype=None, copy=None):
        return np.array(self._values, dtype=dtype if dtype is not None else object)
