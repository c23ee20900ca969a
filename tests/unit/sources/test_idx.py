"""IDX files: read whole, or one clear error."""

import gzip
import tracemalloc

import numpy as np
import pytest

from defectory.domain import DataError, ParameterError
from defectory.sources.idx import IdxImages, is_idx_name, read_idx


def idx_bytes(array, kind=8):
    header = bytes([0, 0, kind, array.ndim])
    return header + b"".join(n.to_bytes(4, "big") for n in array.shape) + array.tobytes()


@pytest.fixture
def pixels():
    return np.random.default_rng(0).integers(0, 256, (5, 4, 3), dtype=np.uint8)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_what_was_written_is_read(tmp_path, pixels, pack):
    path = tmp_path / "t10k-images-idx3-ubyte"
    path.write_bytes(pack(idx_bytes(pixels)))
    np.testing.assert_array_equal(read_idx(path), pixels)


def test_damage_is_named(tmp_path, pixels):
    whole = idx_bytes(pixels)
    path = tmp_path / "a.idx"
    for content, message in (
        (b"", "no IDX file"),
        (b"\x89PNG....", "no IDX file"),
        (whole[:-1], "cut off or too long"),
        (whole + b"0", "cut off or too long"),
        (whole[:7], "cut off or too long"),
        (idx_bytes(pixels, kind=0x0D), "only unsigned bytes"),
        (gzip.compress(whole)[:-9], "is damaged"),
    ):
        path.write_bytes(content)
        with pytest.raises(DataError, match=message):
            read_idx(path)


def header(*shape):
    return bytes([0, 0, 8, len(shape)]) + b"".join(n.to_bytes(4, "big") for n in shape)


def test_bombs_are_not_inflated(tmp_path):
    path = tmp_path / "a-idx3-ubyte.gz"
    noise = np.random.default_rng(0).bytes(70_000)
    zeros = gzip.compress(bytes(2**26), 1)
    for content, message in (
        (
            gzip.compress(header(1, 2, 2) + bytes(2**26), 1),
            r"promises \(1, 2, 2\), and more bytes follow",
        ),
        (gzip.compress(header(2**16, 2**16, 16) + bytes(2**26), 1), "cut off"),
        (header(2**31, 2**31), "cut off"),
        (zeros * 3, "no IDX file"),
        (gzip.compress(header(1, 2**13, 2**13) + noise), "and 70000 bytes follow"),
    ):
        path.write_bytes(content)
        tracemalloc.start()
        with pytest.raises(DataError, match=message):
            read_idx(path)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 2**22


def test_more_than_the_limit_is_refused_before_it_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr("defectory.sources.idx.MAX_IDX_BYTES", 100)
    for pack in (bytes, gzip.compress):
        (tmp_path / "a.idx").write_bytes(pack(header(2, 10, 10) + bytes(200)))
        with pytest.raises(DataError, match=r"promises \(2, 10, 10\) values; at most"):
            read_idx(tmp_path / "a.idx")


def test_images_are_rgb_and_known_by_their_pixels(pixels):
    images = IdxImages(pixels)
    assert len(images) == 5
    first, last = images.read([0, 4])
    assert first.shape == (4, 3, 3)
    for channel in range(3):
        np.testing.assert_array_equal(last[:, :, channel], pixels[4])
    copied = IdxImages(np.concatenate([pixels, pixels[:1]]))
    assert copied.fingerprint(5) == images.fingerprint(0) != images.fingerprint(1)
    assert IdxImages(np.zeros((2, 4, 4, 3), np.uint8)).read([1])[0].shape == (4, 4, 3)


@pytest.mark.parametrize("shape", [(3,), (2, 2), (0, 4, 4), (2, 4, 4, 4)])
def test_arrays_that_hold_no_images_are_refused(shape):
    with pytest.raises(ParameterError, match="give"):
        IdxImages(np.zeros(shape, np.uint8))


def test_names(tmp_path):
    for name in ("train-images-idx3-ubyte", "t10k-labels-idx1-ubyte.gz", "a.IDX"):
        assert is_idx_name(tmp_path / name)
    for name in ("a.png", "idx.csv", "images.gz"):
        assert not is_idx_name(tmp_path / name)
