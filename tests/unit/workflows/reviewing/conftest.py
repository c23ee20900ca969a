import json
import os
import shutil
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from defectory.testing.pictures import disc
from defectory.workflows.reviewing.project import ReviewProject
from tests.e2e.conftest import run
from tests.pictures import save, scratched, write_mvtec

N_NEW = 20
IS_DEFECTIVE = [i % 4 == 0 for i in range(N_NEW)]


@pytest.fixture(scope="session")
def review_bundle(tmp_path_factory) -> Path:
    """A bundle of auto, fitted on 16 small pictures."""
    folder = tmp_path_factory.mktemp("review-bundle")
    parts = write_mvtec(folder / "parts", n_train=16, n_good=2, n_defective=2)
    fit = run("fit", parts, "-o", folder / "parts.defectory", "--size", 64)
    assert fit.exit_code == 0, fit.output
    return folder / "parts.defectory"


@pytest.fixture(scope="session")
def pictures(tmp_path_factory) -> Path:
    """Unlabeled pictures: every fourth is scratched."""
    folder, rng = tmp_path_factory.mktemp("review-data") / "new", np.random.default_rng(5)
    for i, is_bad in enumerate(IS_DEFECTIVE):
        image = disc(rng, 96)
        save(folder / f"{i:03}.png", scratched(image, rng)[0] if is_bad else image)
    return folder


@pytest.fixture(scope="session")
def fresh(review_bundle, pictures, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("review") / "fresh"
    ReviewProject.create(folder, review_bundle, pictures).close()
    return folder


@pytest.fixture
def project(fresh, tmp_path):
    """A review in which nobody has answered yet."""
    shutil.copytree(fresh, tmp_path / "review")
    project = ReviewProject.open(tmp_path / "review")
    yield project
    project.close()


@pytest.fixture(scope="session")
def taught_folder(fresh, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("taught") / "review"
    shutil.copytree(fresh, folder)
    project = ReviewProject.open(folder)
    label_all(project)
    project.teach(use_cache=False)
    project.close()
    return folder


@pytest.fixture
def taught(taught_folder, tmp_path):
    """A review in which a bundle that was taught 20 labels waits for an answer."""
    shutil.copytree(taught_folder, tmp_path / "review")
    project = ReviewProject.open(tmp_path / "review")
    yield project
    project.close()


def grow(project, bundle, photos):
    """Return the review again, opened by the same command as another process: its folder has new images."""
    story = json.dumps({"bundle": sha256(bundle.read_bytes()).hexdigest(),
                        "data": [os.fsencode(photos.absolute()).hex()]})  # fmt: skip
    with project._review.store.writing() as connection:
        connection.execute("UPDATE facts SET value = ? WHERE key = 'from'", (story,))
    return ReviewProject.create(project.folder, bundle, photos)


def label_all(project, values=None):
    for i, is_bad in enumerate(IS_DEFECTIVE):
        project.label(i + 1, "defective" if is_bad else "good", who="anna", strategy="random")
