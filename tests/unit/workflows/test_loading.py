"""A bundle is named by what was loaded, or it is said that its file changed meanwhile."""

import hashlib

import numpy as np
import pytest

from defectory.artifacts import load_bundle, save_bundle
from defectory.detectors import find_detector
from defectory.domain import ArrayImages, BundleError
from defectory.workflows.calibrated import load_hashed
from defectory.workflows.exporting.export import export_bundle
from defectory.workflows.scoring.folder import score_to_folder
from defectory.workflows.serving.bundles import find_bundles, load_served
from defectory.workflows.shards.membership import Shard
from defectory.workflows.shards.score import score_shard
from defectory.workflows.watching.bundle_files import BundleFile
from tests.bundles import bundle_of
from tests.pictures import disc, save


@pytest.fixture(scope="module")
def contents(tmp_path_factory):
    """What is in two bundles' files."""
    folder, rng = tmp_path_factory.mktemp("bundles"), np.random.default_rng(0)
    for name in "ab":
        images = ArrayImages([disc(rng, 64) for _ in range(8)])
        detector = find_detector("gaussian")(size_px=64).fit(images, [0] * len(images))
        save_bundle(bundle_of(detector), folder / name)
    return [(folder / name).read_bytes() for name in "ab"]


@pytest.fixture
def bundle(contents, tmp_path):
    path = tmp_path / "parts.defectory"
    path.write_bytes(contents[0])
    return path


def watch(bundle, images, out):
    options = {"false_reject_rate": None, "miss_rate": None, "has_alarm": False, "say": print}
    return BundleFile(bundle, has_heatmaps=False, **options)


USERS = [
    lambda bundle, images, out: load_hashed(bundle),
    lambda bundle, images, out: load_served(find_bundles([str(bundle)])[0]),
    lambda bundle, images, out: score_to_folder(bundle, [images], out),
    lambda bundle, images, out: score_shard(bundle, images, out, Shard(0, 1)),
    lambda bundle, images, out: export_bundle(bundle, out),
    watch,
]


@pytest.mark.parametrize("use", USERS)
def test_a_bundle_that_is_replaced_while_it_is_loaded_gets_no_wrong_name(
    bundle, contents, tmp_path, monkeypatch, use
):
    save(tmp_path / "images" / "a.png", disc(np.random.default_rng(1), 64))

    def load(path):
        found = load_bundle(path)
        path.with_name("part").write_bytes(contents[1])
        path.with_name("part").replace(path)
        return found

    monkeypatch.setattr("defectory.workflows.calibrated.load_bundle", load)
    with pytest.raises(BundleError, match=r"parts\.defectory: the file changed while it was read"):
        use(bundle, tmp_path / "images", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_name_is_the_hash_of_the_file(bundle, contents):
    _, digest = load_hashed(bundle)
    assert digest == hashlib.sha256(contents[0]).hexdigest()
    assert load_served(find_bundles([str(bundle)])[0]).sha256 == digest
    assert watch(bundle, None, None).judge.name == f"parts@{digest[:12]}"


def test_what_is_no_bundle_is_said_as_everywhere(tmp_path):
    with pytest.raises(BundleError, match="there is no such file; give a bundle"):
        load_hashed(tmp_path / "none.defectory")
