"""Two small real bundles, images they have not seen, and one server that tests share."""

import numpy as np
import pytest

from defectory.artifacts import save_bundle
from defectory.detectors import find_detector
from defectory.domain import ArrayImages
from tests.bundles import bundle_of
from tests.pictures import disc, save, scratched
from tests.unit.service.running import running


@pytest.fixture(scope="session")
def fitted(tmp_path_factory):
    """A folder of screws.defectory and nuts.defectory, each fitted on its own images."""
    folder = tmp_path_factory.mktemp("fitted")
    for seed, name in enumerate(("screws", "nuts")):
        rng = np.random.default_rng(seed)
        images = ArrayImages([disc(rng, 64) for _ in range(60)])
        detector = find_detector("gaussian")(size_px=64).fit(images, [0] * len(images))
        save_bundle(bundle_of(detector), folder / f"{name}.defectory")
    return folder


@pytest.fixture(scope="session")
def screws(fitted):
    return fitted / "screws.defectory"


@pytest.fixture(scope="session")
def photos(tmp_path_factory):
    """Files of images: good0.png ... good3.png, bad0.png, wide.jpg."""
    folder, rng = tmp_path_factory.mktemp("photos"), np.random.default_rng(5)
    for i in range(4):
        save(folder / f"good{i}.png", disc(rng, 64))
    save(folder / "bad0.png", scratched(disc(rng, 64), rng)[0])
    save(folder / "wide.jpg", scratched(disc(rng, 300), rng)[0][:150])
    return folder


@pytest.fixture(scope="session")
def good(photos):
    return (photos / "good0.png").read_bytes()


@pytest.fixture(scope="session")
def bad(photos):
    return (photos / "bad0.png").read_bytes()


@pytest.fixture(scope="package")
def server(fitted):
    with running(fitted / "screws.defectory", f"nuts@2={fitted / 'nuts.defectory'}") as found:
        yield found


@pytest.fixture(scope="package")
def client(server):
    with server.client() as client:
        yield client
