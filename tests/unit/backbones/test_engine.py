"""Extraction: order, independence of companions, tiles, cache and errors."""

import threading

import numpy as np
import onnx
import pytest

from defectory.backbones import Backbone, View
from defectory.backbones.feature_cache import FeatureCache
from defectory.domain import ArrayImages, BundleError, ImageReadError, ParameterError

VIEW = View(64)


class CountingImages(ArrayImages):
    """Images that count how often they are read, some of which cannot be."""

    def __init__(self, images, unreadable=()):
        super().__init__(images)
        self.n_reads = 0
        self._unreadable = set(unreadable)

    def read(self, indices):
        self.n_reads += len(indices)
        if self._unreadable & set(indices):
            raise ImageReadError(f"image {indices[0]} is cut off")
        return super().read(indices)


def arrays_of(images):
    return images.read(range(len(images)))


def assert_same(found, expected):
    assert list(found) == list(expected)
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array)


def test_features_come_in_order_with_the_stated_shapes(make_backbone, images):
    backbone = make_backbone()
    found = list(backbone.extract(images, VIEW))
    assert len(found) == len(images)
    for features, image in zip(found, arrays_of(images), strict=True):
        assert_same(features, backbone.run(image, VIEW))
        for stage in backbone.stages:
            cells = 64 // stage.stride_px
            assert features[stage.name].shape == (cells, cells, stage.n_channels)
            assert features[stage.name].dtype == np.float32
            assert features[stage.name].flags.c_contiguous


def test_companions_order_and_threads_do_not_matter(make_backbone, images):
    together = list(make_backbone(n_threads=4).extract(images, VIEW))
    alone = make_backbone(n_threads=1)
    for i in (3, 0, 4):
        (features,) = alone.extract(images, VIEW, [i])
        assert_same(features, together[i])
    for i, features in zip([4, 1, 1], alone.extract(images, VIEW, [4, 1, 1]), strict=True):
        assert_same(features, together[i])
    assert list(alone.extract(images, VIEW, [])) == []


@pytest.mark.parametrize("n_threads", [1, 2, 4])
def test_a_bad_image_reaches_the_caller_and_stops_the_threads(make_backbone, images, n_threads):
    before = threading.active_count()
    bad = CountingImages(arrays_of(images), unreadable=[2])
    features = make_backbone(n_threads=n_threads).extract(bad, VIEW)
    assert len([next(features), next(features)]) == 2
    with pytest.raises(ImageReadError, match="image 2 is cut off"):
        next(features)
    assert threading.active_count() == before


def test_images_are_read_as_they_are_wanted(make_backbone, images):
    counting = CountingImages(arrays_of(images) * 10)
    features = make_backbone(n_threads=2).extract(counting, VIEW)
    next(features)
    features.close()
    assert counting.n_reads <= 4


def test_the_cache_saves_reading_and_gives_the_same_again(make_backbone, images, tmp_path):
    counting = CountingImages(arrays_of(images))
    plain = list(make_backbone().extract(images, VIEW))
    first = list(make_backbone(cache=FeatureCache(tmp_path)).extract(counting, VIEW))
    n_reads = counting.n_reads
    second = list(make_backbone(cache=FeatureCache(tmp_path)).extract(counting, VIEW))
    assert n_reads == counting.n_reads == len(images)
    for a, b, exact in zip(first, second, plain, strict=True):
        assert_same(b, a)
        for name in exact:
            assert a[name].dtype == np.float32
            np.testing.assert_array_equal(a[name], exact[name].astype(np.float16))


def test_the_cache_tells_apart_whatever_changes_features(make_backbone, tmp_path):
    rng = np.random.default_rng(0)
    image, other = rng.integers(0, 256, (2, 48, 48, 3), dtype=np.uint8)
    cache = FeatureCache(tmp_path)
    views = [View(64), View(96), View(64, n_tiles=2), View(64, even_exposure=False)]
    runs = [(("block2",), image, view) for view in views]
    runs += [(("block3",), image, VIEW), (("block2",), other, VIEW)]
    for stages, picture, view in [*runs, *runs]:
        source = ArrayImages([picture])
        (cached,) = make_backbone(stages, cache=cache).extract(source, view)
        (exact,) = make_backbone(stages).extract(source, view)
        assert_same(cached, {k: v.astype(np.float16).astype(np.float32) for k, v in exact.items()})


def test_a_damaged_record_is_extracted_again(make_backbone, images, tmp_path):
    first = list(make_backbone(cache=FeatureCache(tmp_path)).extract(images, VIEW, [0]))
    (path,) = tmp_path.rglob("*.features")
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    (again,) = make_backbone(cache=FeatureCache(tmp_path)).extract(images, VIEW, [0])
    assert_same(again, first[0])
    assert path.read_bytes() == whole


def _smooth_noise():
    noise = np.cumsum(np.cumsum(np.random.default_rng(0).normal(0, 1, (256, 256, 3)), 0), 1)
    return np.rint(255 * (noise - noise.min()) / np.ptp(noise)).astype(np.uint8)


SMOOTH = _smooth_noise()
FINE = ("block0", "block2", "block4", "block6")


def test_tiles_equal_the_whole_where_the_halo_covers_what_a_cell_sees(make_backbone):
    """A cell of block 6 sees 57 px around it; the halo is 64 px."""
    image = np.random.default_rng(0).integers(0, 256, (200, 300, 3), dtype=np.uint8)
    whole = make_backbone(FINE).run(image, View(384))
    tiled = make_backbone(FINE).run(image, View(128, n_tiles=3))
    for name in FINE:
        assert tiled[name].shape == whole[name].shape
        tolerance = 1e-5 * np.abs(whole[name]).max()
        np.testing.assert_allclose(tiled[name], whole[name], rtol=0, atol=tolerance)


def test_coarser_stages_of_tiles_come_close(make_backbone):
    """Blocks 7 and 10 see past the halo, but little depends on it; seams must not stand out."""
    stages = ("block7", "block10")
    whole = make_backbone(stages).run(SMOOTH, View(256))
    tiled = make_backbone(stages).run(SMOOTH, View(128, n_tiles=2))
    for name in stages:
        error = np.linalg.norm(tiled[name] - whole[name], axis=2)
        size = np.linalg.norm(whole[name], axis=2).mean()
        assert error.mean() < 0.05 * size
        assert error[7:9].mean() < 0.15 * size, "the cells at the seam"
        assert error[:4, :4].max() < 0.01 * size, "far from every seam"


@pytest.mark.parametrize("side_px", [0, -32, 31, 100, 16])
def test_sides_are_multiples_of_32(side_px):
    with pytest.raises(ParameterError, match=f"size is {side_px} px; give a multiple of 32"):
        View(side_px)


@pytest.mark.parametrize(("side_px", "n_tiles"), [(2048, 5), (1024, 16), (544, 16)])
def test_the_whole_image_is_bounded(side_px, n_tiles):
    with pytest.raises(ParameterError, match=f"{n_tiles} tiles of {side_px} px are more than 8192"):
        View(side_px, n_tiles)


@pytest.mark.parametrize("side_px", [2080, 8192, 10**9 * 32])
def test_a_tile_is_bounded(side_px):
    with pytest.raises(ParameterError, match="give at most 2048, and tiles for finer images"):
        View(side_px)


@pytest.mark.parametrize("n_tiles", [0, -1, 17])
def test_tiles_are_few(n_tiles):
    with pytest.raises(ParameterError, match=f"tiles a side is {n_tiles}; give 1 to 16"):
        View(64, n_tiles)


@pytest.mark.parametrize("spoil", [lambda m: b"", lambda m: m[:1000], lambda m: b"x" * 100])
def test_a_model_that_does_not_load_is_a_bundle_error(converted, spoil):
    model, card = converted
    with pytest.raises(BundleError, match="backbone is none that a bundle may hold"):
        Backbone(spoil(model), card, ["block2"])


def test_a_model_with_other_stages_is_a_bundle_error(converted):
    model, card = converted
    with pytest.raises(BundleError, match=r"\['block2'\] are wanted"):
        Backbone(model, card, ["block2"])


def test_weights_in_other_files_are_refused(converted):
    """ONNX Runtime would read whatever file the model names; a model that is shipped has no such need."""
    model, card = converted
    proto = onnx.load_from_string(model)
    proto.graph.initializer[0].data_location = onnx.TensorProto.EXTERNAL
    with pytest.raises(BundleError, match="wants weights from other files"):
        Backbone(proto.SerializeToString(), card, ["block2"])
