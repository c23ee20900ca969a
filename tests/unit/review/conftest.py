"""One small review of real images and a real bundle; each module works on a copy of it."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from starlette.testclient import TestClient

from defectory.review.app import make_app
from defectory.review.security import Access
from defectory.review.site import Site
from defectory.web.hosts import names_of
from defectory.workflows.reviewing.project import ReviewProject
from tests.e2e.conftest import run
from tests.pictures import disc, save, scratched, write_mvtec

PORT = 8123
ADDRESS = f"http://127.0.0.1:{PORT}"
TOKEN = "token-of-the-tests-0123456789"
N_GOOD, N_DEFECTIVE = 10, 6


def write_photos(folder: Path) -> Path:
    """Write unsorted photos: good ones, scratched ones, one of them a large JPEG."""
    rng = np.random.default_rng(7)
    for i in range(N_GOOD):
        save(folder / f"g{i:02}.png", disc(rng, 96))
    for i in range(N_DEFECTIVE - 1):
        save(folder / f"d{i:02}.png", scratched(disc(rng, 96), rng)[0])
    save(folder / "large & <odd>.jpg", scratched(disc(rng, 2000), rng)[0][:1500], quality=90)
    return folder


@pytest.fixture(scope="session")
def fitted(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("fitted")
    parts = write_mvtec(folder / "parts", n_train=12, n_good=1, n_defective=1)
    path = folder / "parts.defectory"
    assert run("fit", parts, "-o", path, "--size", 64, "--speed", "fast", "-q").exit_code == 0
    return path


@pytest.fixture(scope="session")
def created(fitted, tmp_path_factory) -> Path:
    """A project folder that nobody changes."""
    folder = tmp_path_factory.mktemp("created")
    photos = write_photos(folder / "photos")
    ReviewProject.create(folder / "photos.review", fitted, photos).close()
    return folder / "photos.review"


@pytest.fixture(scope="module")
def project(created, tmp_path_factory):
    folder = tmp_path_factory.mktemp("review") / "photos.review"
    shutil.copytree(created, folder)
    project = ReviewProject.open(folder)
    yield project
    project.close()


@pytest.fixture(scope="module")
def site(project):
    site = Site.of(project, "Ann")
    yield site
    site.ahead.stop()
    site.jobs.stop()


@pytest.fixture(scope="module")
def access() -> Access:
    return Access(TOKEN, PORT, names_of("127.0.0.1", []))


@pytest.fixture(scope="module")
def stranger(site, access) -> TestClient:
    """A browser without the token."""
    return TestClient(make_app(site, access), base_url=ADDRESS, follow_redirects=False)


@pytest.fixture(scope="module")
def page(site, access) -> TestClient:
    """A browser that has opened the link, and whose requests come from our page."""
    client = TestClient(
        make_app(site, access),
        base_url=ADDRESS,
        headers={"Origin": ADDRESS, "X-Defectory": "1"},
    )
    client.cookies.set(access.cookie_name, TOKEN)
    return client


def ids_of(page: TestClient, **query: object) -> list[int]:
    """Return the ids of images that a filter finds."""
    return [image["id"] for image in page.get("/api/images", params=query).json()["images"]]


def etag_of(page: TestClient, image_id: int) -> str:
    return page.get(f"/api/images/{image_id}").json()["etag"]


def put_label(page: TestClient, image_id: int, value: str | None, etag: str, **more: object):
    body = {"value": value, "seconds": 1.5, "strategy": "mix", **more}
    return page.put(f"/api/images/{image_id}/label", json=body, headers={"If-Match": f'"{etag}"'})
