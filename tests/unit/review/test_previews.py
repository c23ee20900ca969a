"""Previews: made once, kept, ahead of the person who looks, and of the file that was scored."""

import hashlib
import io
import threading
import time

import numpy as np
import pytest
from PIL import Image

from defectory.domain import ImageReadError
from defectory.review.ahead import MakerAhead
from defectory.review.previews import SIDES_PX, Previews
from defectory.workflows.reviewing import previews as making

WAIT_S = 30


@pytest.fixture
def fresh(project, tmp_path):
    return Previews(project, tmp_path / "previews")


@pytest.fixture
def large(project):
    return project.find(search="large").images[0].id


@pytest.fixture
def made(monkeypatch):
    """Return (path, side) of each preview that is made from its image."""
    calls = []

    def make_preview(path, content, side_px):
        calls.append((path.name, side_px))
        return making.make_preview(path, content, side_px)

    monkeypatch.setattr("defectory.review.previews.make_preview", make_preview)
    return calls


def test_a_preview_is_made_once_and_kept_on_disk(project, large, tmp_path, made):
    first = Previews(project, tmp_path).get(large, 1600)
    again = Previews(project, tmp_path).get(large, 1600)  # another day
    assert again == first
    assert len(made) == 1
    assert Image.open(io.BytesIO(first.content)).size == (1600, 1200)


def test_pictures_of_full_size_fill_no_disk(fresh, large, tmp_path):
    fresh.get(large, 0)
    assert not (tmp_path / "previews").exists()


def test_many_who_ask_at_once_wait_for_one_that_makes_it(fresh, large, made):
    threads = [threading.Thread(target=fresh.get, args=(large, 256)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1


def test_what_is_asked_next_is_made_ahead(project, site, tmp_path, made):
    previews = Previews(project, tmp_path)
    ahead = MakerAhead(previews, site.heatmaps)
    ids = [image.id for image in project.queue(4)]
    ahead.want(ids)
    end = time.monotonic() + WAIT_S
    while len(made) < 8 and time.monotonic() < end:
        time.sleep(0.01)
    ahead.stop()
    assert len(made) == 8
    assert {side for _, side in made} == {side for side in SIDES_PX if side}


def test_a_file_that_has_changed_is_not_shown_as_what_was_scored(project, large):
    file = project.image_file(large)
    with pytest.raises(ImageReadError, match="changed"):
        making.make_preview(file.path, "0" * 64, 256)


def saved(path, array, **options):
    Image.fromarray(array).save(path, **options)
    return making.make_preview(path, hashlib.sha256(path.read_bytes()).hexdigest(), 64)


@pytest.fixture
def pixels():
    return np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)


def test_a_small_file_is_given_as_it_is(tmp_path, pixels):
    for name in ("a.png", "a.jpg"):
        preview = saved(tmp_path / name, pixels)
        assert preview.content == (tmp_path / name).read_bytes()


def test_what_a_browser_would_show_otherwise_is_given_as_the_detector_sees_it(tmp_path, pixels):
    exif = Image.Exif()
    exif[0x0112] = 6  # lies on its side
    for name in ("turned.jpg", "turned.png"):
        preview = saved(tmp_path / name, pixels, exif=exif)
        assert Image.open(io.BytesIO(preview.content)).size == (48, 64)
    deep = saved(tmp_path / "deep.png", (pixels[..., 0].astype(np.uint16) * 257))
    assert Image.open(io.BytesIO(deep.content)).mode == "RGB"
    clear = np.dstack([pixels, np.zeros_like(pixels[..., :1])])
    shown = np.asarray(Image.open(io.BytesIO(saved(tmp_path / "clear.png", clear).content)))
    assert shown.min() > 250  # on white
    for name in ("a.bmp", "a.tif", "a.gif"):
        assert saved(tmp_path / name, pixels).media_type == "image/jpeg"


def test_a_draft_shows_what_the_whole_picture_does(tmp_path):
    ramp = np.linspace(0, 255, 1500, dtype=np.uint8)
    path = tmp_path / "a.jpg"
    Image.fromarray(np.tile(ramp, (900, 1))).convert("RGB").save(path, quality=95)
    content = hashlib.sha256(path.read_bytes()).hexdigest()
    small = making.make_preview(path, content, 150).content
    shown = Image.open(io.BytesIO(small))
    assert shown.size == (150, 90)
    expected = Image.open(path).resize((150, 90), Image.Resampling.BOX)
    np.testing.assert_allclose(np.asarray(shown).astype(int), np.asarray(expected), atol=8)
