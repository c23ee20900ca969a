"""Every kind of file gives (h, w, 3) uint8 or one clear error."""

import io
import os
import struct
import threading
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from defectory.domain import ImageReadError, MaskError, ParameterError
from defectory.sources import FileImages, read_image
from defectory.sources.decoding import EXTENSIONS, FORMATS, MAX_PIXELS, image_size
from defectory.sources.mask_files import FileMasks, read_mask
from tests.pictures import save

RAMP = np.linspace(0, 255, 12 * 16).reshape(12, 16).astype(np.uint8)
RGB = np.stack([RAMP, RAMP[::-1], RAMP[:, ::-1]], axis=2)


def written(path, image, **options):
    image.save(path, **options)
    return path


def png_header(width, height):
    def chunk(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 10))


@pytest.mark.parametrize("extension", ["png", "bmp", "tif", "ppm", "TIFF", "PNG"])
def test_lossless_rgb_is_read_exactly(tmp_path, extension):
    np.testing.assert_array_equal(read_image(save(tmp_path / f"a.{extension}", RGB)), RGB)


@pytest.mark.parametrize("extension", ["png", "bmp", "tif", "pgm", "gif"])
def test_gray_is_repeated_over_the_channels(tmp_path, extension):
    image = read_image(save(tmp_path / f"a.{extension}", RAMP))
    np.testing.assert_array_equal(image, np.repeat(RAMP[:, :, None], 3, axis=2))


@pytest.mark.parametrize("quality_format", ["JPEG", "WEBP"])
def test_lossy_formats_come_close(tmp_path, quality_format):
    path = written(tmp_path / "a.img", Image.fromarray(RGB), format=quality_format, quality=95)
    assert np.abs(read_image(path).astype(int) - RGB).mean() < 12


def test_transparency_is_composited_on_white(tmp_path):
    alpha = np.full(RAMP.shape, 255, np.uint8)
    alpha[:, :8] = 0
    path = save(tmp_path / "a.png", np.dstack([RGB, alpha]))
    image = read_image(path)
    assert (image[:, :8] == 255).all()
    np.testing.assert_array_equal(image[:, 8:], RGB[:, 8:])


def test_gray_with_alpha_and_transparent_palette(tmp_path):
    gray = Image.merge("LA", [Image.fromarray(RAMP), Image.new("L", (16, 12), 0)])
    assert (read_image(written(tmp_path / "la.png", gray)) == 255).all()
    palette = Image.fromarray(RGB).quantize(8)
    path = written(tmp_path / "p.png", palette, transparency=bytes([0] * 8))
    assert (read_image(path) == 255).all()


def test_palette_and_one_bit(tmp_path):
    palette = Image.fromarray(RGB).quantize(16)
    expected = np.asarray(palette.convert("RGB"))
    np.testing.assert_array_equal(read_image(written(tmp_path / "p.png", palette)), expected)
    bits = Image.fromarray(RAMP).convert("1")
    assert set(np.unique(read_image(written(tmp_path / "b.png", bits)))) == {0, 255}


@pytest.mark.parametrize("extension", ["png", "tif"])
def test_16_bit_is_scaled_and_not_clipped(tmp_path, extension):
    deep = np.linspace(0, 65535, 12 * 16).reshape(12, 16).astype(np.uint16)
    path = written(tmp_path / f"a.{extension}", Image.fromarray(deep))
    image = read_image(path)[:, :, 0]
    np.testing.assert_allclose(image, deep / 257, atol=0.51)
    assert image.min() == 0
    assert image.max() == 255


def test_big_endian_and_32_bit_integers(tmp_path):
    deep = np.linspace(0, 65535, 12 * 16).reshape(12, 16)
    big = Image.frombytes("I;16B", (16, 12), deep.astype(">u2").tobytes())
    np.testing.assert_allclose(
        read_image(written(tmp_path / "b.tif", big))[:, :, 0], deep / 257, atol=1
    )
    wide = Image.fromarray(deep.astype(np.int32))
    np.testing.assert_allclose(
        read_image(written(tmp_path / "i.tif", wide))[:, :, 0], deep / 257, atol=1
    )


def test_float_in_0_to_1_is_scaled(tmp_path):
    unit = np.linspace(0, 1, 12 * 16).reshape(12, 16).astype(np.float32)
    path = written(tmp_path / "a.tif", Image.fromarray(unit))
    np.testing.assert_allclose(read_image(path)[:, :, 0], unit * 255, atol=0.51)


@pytest.mark.parametrize("values", [[[0.0, 7.5]], [[-1.0, 0.5]], [[np.nan, 0.5]]])
def test_float_out_of_range_is_refused_with_its_range(tmp_path, values):
    path = written(tmp_path / "a.tif", Image.fromarray(np.array(values, np.float32)))
    with pytest.raises(ImageReadError, match=r"a\.tif.*not in 0\.\.1"):
        read_image(path)


def test_32_bit_out_of_range_is_refused(tmp_path):
    path = written(tmp_path / "a.tif", Image.fromarray(np.array([[0, 70000]], np.int32)))
    with pytest.raises(ImageReadError, match=r"0\.\.70000.*8 or 16 bits"):
        read_image(path)


@pytest.mark.parametrize("orientation", range(10))
@pytest.mark.parametrize(
    ("suffix", "mode"),
    [
        *(
            (suffix, "RGB")
            for suffix in (".png", ".jpg", ".mpo", ".tif", ".webp", ".bmp", ".gif", ".ppm")
        ),
        *((suffix, mode) for suffix in (".png", ".tif") for mode in ("L", "I;16", "1")),
    ],
)
def test_the_size_in_the_header_is_that_of_the_pixels(tmp_path, suffix, mode, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = written(tmp_path / f"a{suffix}", Image.new(mode, (60, 40)), exif=exif)
    is_turned = orientation in (5, 6, 7, 8) and suffix not in (".bmp", ".gif", ".ppm")
    expected = (60, 40) if is_turned else (40, 60)
    assert read_image(path).shape[:2] == expected
    assert image_size(path) == expected


def test_exif_orientation_is_applied(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    path = written(tmp_path / "a.png", Image.fromarray(RGB), exif=exif)
    np.testing.assert_array_equal(read_image(path), np.rot90(RGB, -1))


def test_cmyk_jpeg(tmp_path):
    path = written(tmp_path / "a.jpg", Image.new("CMYK", (16, 12), (0, 255, 255, 0)), quality=95)
    red, green, blue = read_image(path).reshape(-1, 3).mean(0)
    assert red > 200
    assert max(green, blue) < 50


@pytest.mark.parametrize("extension", ["tif", "gif"])
def test_first_frame_of_several(tmp_path, extension):
    frames = [Image.new("L", (16, 12), level) for level in (10, 200)]
    frames[0].save(tmp_path / f"a.{extension}", save_all=True, append_images=frames[1:])
    assert (read_image(tmp_path / f"a.{extension}") == 10).all()


def jpeg_bytes():
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)).save(
        buffer, "JPEG"
    )
    return buffer.getvalue()


def png_bytes():
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)).save(
        buffer, "PNG"
    )
    return buffer.getvalue()


def tiff_bytes(**options):
    buffer = io.BytesIO()
    Image.fromarray(RGB).save(buffer, "TIFF", **options)
    return buffer.getvalue()


BROKEN = {
    "zero bytes": (b"", "empty"),
    "text": (b"this is not an image at all", "not an image"),
    "html": (b"<html><body>404</body></html>", "not an image"),
    "only the signature": (b"\x89PNG\r\n\x1a\n", "cannot read"),
    "jpeg cut in half": (jpeg_bytes()[:1500], "truncated"),
    "jpeg header only": (jpeg_bytes()[:30], "cannot read"),
    "png cut in half": (png_bytes()[:5000], "cannot read"),
    "png with a flipped byte": (
        png_bytes()[:3000] + bytes([png_bytes()[3000] ^ 255]) + png_bytes()[3001:],
        "cannot read",
    ),
    "tiff cut": (tiff_bytes()[:100], "cannot read"),
    "deflate tiff cut": (tiff_bytes(compression="tiff_deflate")[:80], "cannot read"),
    "decompression bomb": (png_header(60000, 60000), "too many pixels"),
    "decompression bomb in a GIF": (
        b"GIF89a" + struct.pack("<HH", 60000, 60000) + b"\x80\0\0" + bytes(6) + b";",
        "cannot read",
    ),
    "huge but empty": (png_header(10000, 10000), "cannot read"),
    "postscript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not an image"),
    "no pixels": (b"P5 0 0 255\n", "cannot read"),
}


@pytest.mark.parametrize(("data", "reason"), BROKEN.values(), ids=BROKEN.keys())
def test_broken_files_name_path_and_reason(tmp_path, data, reason):
    path = tmp_path / "part_17.png"
    path.write_bytes(data)
    with pytest.raises(ImageReadError, match=reason) as caught:
        read_image(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(ImageReadError, match="No such file"):
        read_image(tmp_path / "gone.png")
    with pytest.raises(ImageReadError, match="directory"):
        read_image(tmp_path)


@pytest.mark.thorough
def test_large_picture_below_the_limit_is_read_without_warning(tmp_path):
    path = written(tmp_path / "a.png", Image.new("1", (10_000, 9_500)))  # Pillow warns at 89 MP
    assert read_image(path).shape == (9_500, 10_000, 3)


def test_file_images_is_lazy_and_sized(tmp_path):
    paths = [save(tmp_path / "a.png", RGB), save(tmp_path / "b.png", RAMP), tmp_path / "gone.png"]
    source = FileImages(paths)
    assert len(source) == 3
    first, second = source.read([1, 0])
    assert first.shape == second.shape == (12, 16, 3)
    np.testing.assert_array_equal(second, RGB)
    with pytest.raises(ImageReadError, match=r"gone\.png"):
        source.read([2])
    named = FileImages([str(path) for path in paths])
    np.testing.assert_array_equal(named.read([0])[0], RGB)
    assert named.fingerprint(0) == source.fingerprint(0)


def test_fingerprint_follows_the_bytes(tmp_path):
    source = FileImages(
        [
            save(tmp_path / "a.png", RGB),
            save(tmp_path / "b.png", RGB),
            save(tmp_path / "c.png", RAMP),
        ]
    )
    assert source.fingerprint(0) == source.fingerprint(1) != source.fingerprint(2)


def test_threads_read_at_once_and_leave_the_warning_filters_alone(tmp_path):
    paths = []
    for i in range(40):
        palette = Image.fromarray(np.roll(RGB, i, axis=1)).quantize(8)
        paths.append(written(tmp_path / f"{i}.png", palette, transparency=bytes([0] * 4)))
    source = FileImages(paths)
    alone = [source.read([i])[0] for i in range(40)]
    before = list(warnings.filters)
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda i: source.read([i])[0], range(40)))
    for a, b in zip(alone, together, strict=True):
        np.testing.assert_array_equal(a, b)
    assert warnings.filters == before


def test_a_thread_that_leaves_does_not_switch_warnings_on_for_another():
    from defectory.sources.decoding import quiet_pillow

    def pillow_warns():
        warnings.warn_explicit("odd", UserWarning, "Image.py", 1, module="PIL.Image")

    def come_and_go():
        with quiet_pillow:
            pass

    with quiet_pillow:
        thread = threading.Thread(target=come_and_go)
        thread.start()
        thread.join()
        pillow_warns()
    with pytest.warns(UserWarning, match="odd"):
        pillow_warns()


def test_only_formats_of_the_list_are_read(tmp_path):
    assert {".png", ".jpg", ".jpeg", ".jfif", ".tif", ".bmp", ".webp"} <= EXTENSIONS
    assert not {".eps", ".pdf", ".mpg", ".h5", ".psd", ".avif", ".jp2", ".fits"} & EXTENSIONS
    assert not {"EPS", "PSD", "FITS", "AVIF", "JPEG2000", "ICNS"} & set(FORMATS)
    for name in ("TGA", "PCX", "ICNS", "JPEG2000"):
        path = written(tmp_path / f"{name}.png", Image.fromarray(RGB), format=name)
        with pytest.raises(ImageReadError, match="not an image in a format that is known here"):
            read_image(path)


def test_every_format_of_the_list_is_one_of_pillow_and_every_ending_is_of_such_a_format():
    Image.init()
    assert set(FORMATS) <= set(Image.OPEN)
    endings = Image.registered_extensions()
    assert {endings[e] for e in EXTENSIONS - {".mpo"}} <= set(FORMATS)


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    with pytest.raises(ImageReadError, match="not a regular file"):
        read_image(tmp_path / "a.png")


def test_files_and_pictures_too_large_are_refused_before_they_are_read(tmp_path, monkeypatch):
    path = save(tmp_path / "a.png", RGB)
    monkeypatch.setattr("defectory.sources.decoding.MAX_PIXELS", 12 * 16 - 1)
    with pytest.raises(ImageReadError, match="too many pixels, 16 x 12; at most"):
        read_image(path)
    monkeypatch.setattr("defectory.sources.decoding.MAX_FILE_BYTES", 10)
    with pytest.raises(ImageReadError, match="that are read"):
        read_image(path)
    assert MAX_PIXELS <= 2 * Image.MAX_IMAGE_PIXELS


# --- masks ---

SPOT = np.zeros((12, 16), bool)
SPOT[3:6, 4:9] = True


def palette_mask():
    image = Image.fromarray(SPOT.astype(np.uint8)).convert("P")
    image.putpalette([0, 0, 0, 0, 128, 0])
    return image


def swapped_palette_mask():
    image = Image.fromarray((~SPOT).astype(np.uint8)).convert("P")
    image.putpalette([255, 255, 255, 0, 0, 0])
    return image


def rgba_mask():
    return Image.fromarray(
        np.dstack([np.full((*SPOT.shape, 3), 255, np.uint8), np.where(SPOT, 255, 0)]).astype(
            np.uint8
        )
    )


MASKS = {
    "0 and 1": lambda: Image.fromarray(SPOT.astype(np.uint8)),
    "0 and 255": lambda: Image.fromarray(SPOT.astype(np.uint8) * 255),
    "class numbers": lambda: Image.fromarray(SPOT.astype(np.uint8) * 3),
    "one bit": lambda: Image.fromarray(SPOT),
    "16 bit": lambda: Image.fromarray(SPOT.astype(np.uint16) * 300),
    "rgb red": lambda: Image.fromarray(np.dstack([SPOT, SPOT * 0, SPOT * 0]).astype(np.uint8)),
    "palette": palette_mask,
    "palette, colors swapped": swapped_palette_mask,
    "rgba": rgba_mask,
}


@pytest.mark.parametrize("make", MASKS.values(), ids=MASKS.keys())
def test_every_kind_of_mask(tmp_path, make):
    np.testing.assert_array_equal(read_mask(written(tmp_path / "m.png", make())), SPOT)


def test_jpeg_noise_is_not_a_defect(tmp_path):
    large = np.kron(SPOT, np.ones((7, 9), bool))  # not along JPEG's blocks
    path = save(tmp_path / "m.jpg", large * 255, quality=30)
    noisy = np.asarray(Image.open(path))
    assert len(np.unique(noisy)) > 2
    assert (read_mask(path) != large).mean() < 0.01


def test_masks_run_parallel_to_images(tmp_path):
    images = [save(tmp_path / f"{i}.png", RGB) for i in range(3)]
    fitting = save(tmp_path / "m.png", SPOT)
    small = save(tmp_path / "s.png", SPOT[:5])
    masks = FileMasks(images, [None, fitting, small])
    assert len(masks) == 3
    assert masks.read(0) is None
    mask = masks.read(1)
    assert mask.dtype == bool
    np.testing.assert_array_equal(mask, SPOT)
    with pytest.raises(MaskError, match=r"s\.png is 16 x 5 px .*2\.png is 16 x 12 px"):
        masks.read(2)


def test_mask_of_a_turned_image_fits_the_upright_image(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 8
    image = written(tmp_path / "a.png", Image.fromarray(RGB), exif=exif)
    mask = save(tmp_path / "m.png", SPOT.T)
    assert FileMasks([image], [mask]).read(0).shape == read_image(image).shape[:2] == (16, 12)


def test_masks_of_no_numbers_and_lossy_tiff(tmp_path):
    values = np.where(SPOT, 1, np.nan).astype(np.float32)
    with pytest.raises(MaskError, match="some values are no numbers"):
        read_mask(written(tmp_path / "f.tif", Image.fromarray(values)))
    large = np.kron(SPOT, np.ones((7, 9), bool))
    lossy = Image.fromarray((large * 255).astype(np.uint8))
    path = written(tmp_path / "m.tif", lossy, compression="jpeg", quality=30)
    assert len(np.unique(np.asarray(Image.open(path)))) > 2
    assert (read_mask(path) != large).mean() < 0.01


@pytest.mark.parametrize("data", [b"", b"no image"])
def test_broken_mask_is_a_mask_error(tmp_path, data):
    image, mask = save(tmp_path / "a.png", RGB), tmp_path / "m.png"
    mask.write_bytes(data)
    with pytest.raises(MaskError, match=r"m\.png"):
        FileMasks([image], [mask]).read(0)


def test_mask_of_a_broken_image_is_an_image_error(tmp_path):
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(ImageReadError, match=r"a\.png"):
        FileMasks([tmp_path / "a.png"], [save(tmp_path / "m.png", SPOT)]).read(0)


def test_masks_and_images_must_be_as_many(tmp_path):
    with pytest.raises(ParameterError, match="2 images but 1 masks"):
        FileMasks([tmp_path, tmp_path], [None])
