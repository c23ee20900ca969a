"""Masks: as painted, of the image's size, bounded, and never written over somebody else's."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from defectory.review.masks import MOST_MASK_BYTES
from tests.unit.review.conftest import etag_of, ids_of, put_label


def png(array, mode=None):
    buffer = io.BytesIO()
    Image.fromarray(array, mode).save(buffer, "PNG")
    return buffer.getvalue()


def put(page, image_id, body, etag):
    return page.put(f"/api/images/{image_id}/mask", content=body, headers={"If-Match": f'"{etag}"'})


@pytest.fixture(scope="module")
def defect(page):
    image_id = ids_of(page, search="d00")[0]
    assert put_label(page, image_id, "defective", etag_of(page, image_id)).status_code == 200
    return image_id


@pytest.fixture
def painted():
    mask = np.zeros((96, 96), np.uint8)
    mask[10:20, 30:50] = 255
    return mask


def test_a_mask_comes_back_as_it_was_painted_and_goes_away(page, defect, painted):
    assert page.get(f"/api/images/{defect}/mask").status_code == 204
    answer = put(page, defect, png(painted), etag_of(page, defect))
    assert answer.status_code == 200, answer.text
    assert answer.json()["has_mask"] is True
    assert answer.json()["etag"] == etag_of(page, defect)
    kept = page.get(f"/api/images/{defect}/mask")
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(kept.content))), painted)
    etag = etag_of(page, defect)
    gone = page.delete(f"/api/images/{defect}/mask", headers={"If-Match": f'"{etag}"'})
    assert gone.status_code == 200
    assert gone.json()["has_mask"] is False
    assert page.get(f"/api/images/{defect}/mask").status_code == 204


def test_colors_of_a_canvas_are_a_mask_too(page, defect, painted):
    canvas = np.zeros((96, 96, 4), np.uint8)
    canvas[painted > 0] = (255, 0, 0, 128)
    assert put(page, defect, png(canvas), etag_of(page, defect)).status_code == 200
    kept = page.get(f"/api/images/{defect}/mask")
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(kept.content))), painted)


def test_a_mask_that_marks_nothing_is_none(page, defect, painted):
    put(page, defect, png(painted), etag_of(page, defect))
    answer = put(page, defect, png(np.zeros_like(painted)), etag_of(page, defect))
    assert answer.json()["has_mask"] is False


def test_somebody_elses_mask_is_not_written_over(page, defect, painted):
    seen = etag_of(page, defect)
    assert put(page, defect, png(painted), seen).status_code == 200
    other = put(page, defect, png(255 - painted), seen)
    assert other.status_code == 412
    assert other.json()["current"]["has_mask"] is True
    kept = page.get(f"/api/images/{defect}/mask")
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(kept.content))), painted)


def test_a_mask_that_is_sent_again_is_no_conflict(page, defect, painted):
    seen = etag_of(page, defect)
    headers = {"If-Match": f'"{seen}"', "X-Defectory-Client-Id": "m-1"}
    mask = f"/api/images/{defect}/mask"
    first = page.put(mask, content=png(painted), headers=headers)
    again = page.put(mask, content=png(painted), headers=headers)
    assert first.status_code == again.status_code == 200
    assert first.json() == again.json()
    headers = {"If-Match": first.json()["etag"], "X-Defectory-Client-Id": "m-2"}
    gone = [page.delete(mask, headers=headers).json() for _ in range(2)]
    assert gone[0] == gone[1]
    assert gone[0]["etag"] == etag_of(page, defect)


def chunk(kind, content):
    checked = kind + content
    return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))


def bomb(width, height, raw=b"\0" * 10**6):
    """A PNG that says it is of this size, whose pixels are a few bytes that unpack to millions."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


BAD = {
    "nothing": b"",
    "text": b"<svg onload=alert(1)>",
    "signature": b"\x89PNG\r\n\x1a\n",
    "other size": png(np.zeros((95, 96), np.uint8)),
    "bomb": bomb(60_000, 60_000),
    "wide": bomb(2**31 - 1, 1),
    "no pixels": bomb(0, 0),
    "truncated": png(np.full((96, 96), 255, np.uint8))[:-40],
    "jpeg": b"\xff\xd8\xff\xe0" + b"\0" * 100,
    "text bomb": b"\x89PNG\r\n\x1a\n"
    + chunk(b"IHDR", struct.pack(">IIBBBBB", 96, 96, 8, 0, 0, 0, 0))
    + chunk(b"zTXt", b"a\0\0" + zlib.compress(b"a" * 10**8))
    + chunk(b"IEND", b""),
    "bit depth": b"\x89PNG\r\n\x1a\n"
    + chunk(b"IHDR", struct.pack(">IIBBBBB", 96, 96, 7, 9, 9, 9, 9))
    + chunk(b"IEND", b""),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_mask_is_refused(page, defect, name):
    etag = etag_of(page, defect)
    answer = put(page, defect, BAD[name], etag)
    assert answer.status_code == 400
    assert set(answer.json()) == {"error"}
    assert etag_of(page, defect) == etag


def test_a_body_that_is_too_long_is_not_read(page, defect):
    answer = put(page, defect, b"\0" * (MOST_MASK_BYTES + 1), etag_of(page, defect))
    assert answer.status_code == 413
