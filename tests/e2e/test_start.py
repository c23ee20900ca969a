"""`defectory start`: from a folder that nobody sorted to the page, and on another day to the same page."""

import os
import re
import signal
import subprocess
import sys
import urllib.request
from contextlib import contextmanager

import numpy as np
import pytest

from defectory.workflows.reviewing.project import ReviewProject
from tests.e2e.conftest import run
from tests.pictures import disc, save

N_IMAGES = 12


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    rng, folder = np.random.default_rng(0), tmp_path_factory.mktemp("start") / "my photos"
    folder.mkdir()
    for i in range(N_IMAGES):
        save(folder / f"{i:02}.png", disc(rng, 64))
    (folder / "broken.png").write_bytes(b"no picture")
    return folder


@contextmanager
def started(folder, *arguments):
    """Give the process, once it serves, and what it said until then."""
    with subprocess.Popen(
        [sys.executable, "-m", "defectory", "start", *map(str, arguments), "--no-browser"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=folder,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as process:
        said = ""
        for line in process.stdout:
            said += line
            if line.startswith("Open "):
                break
        try:
            assert "Open " in said, said
            yield process, said
        finally:
            process.kill()


def test_one_command_fits_ranks_and_serves_and_goes_on_the_next_day(photos, tmp_path):
    with started(tmp_path, photos) as (process, said):
        browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        with browser.open(re.search(r"Open (\S+)", said)[1]) as page:
            assert b"<canvas" in page.read()
        assert f"Looked at {N_IMAGES} images" in said
        assert "broken.png" in said
        assert f"my photos.review: {N_IMAGES} images, 0 labeled; bundle 1 of auto." in said
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
        review = tmp_path / "my photos.review"
        assert f"go on with  defectory review '{review}'\n" in process.stdout.read()
    assert list(tmp_path.iterdir()) == [review]
    project = ReviewProject.open(review)
    first = project.find().images[0]
    project.label(first.id, "good", who="Ada", expected=first.etag)
    project.close()
    with started(tmp_path, photos) as (_, said):
        assert "fitting" not in said
        assert f"my photos.review: {N_IMAGES} images, 1 labeled; bundle 1 of auto." in said
    assert list(tmp_path.iterdir()) == [review]
    done = run("fit", review, "-o", tmp_path / "of-previews.defectory")
    assert done.exit_code == 1
    assert (
        f"is a review, no folder of images; give the images, or go on with  defectory review '{review}'"
        in (done.output)
    )

    other = tmp_path / "other"
    save(other / "0.png", disc(np.random.default_rng(1), 64))
    done = run("start", other, "-o", review, "--no-browser")
    assert done.exit_code == 1
    assert "is the review of another bundle or of other images" in done.output


def test_a_review_inside_its_photos_is_refused_before_the_fit(photos, tmp_path):
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "defectory",
            "start",
            photos,
            "-o",
            photos / "review",
            "--no-browser",
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert not (photos / "review").exists()
