import numpy as np
import pytest

from defectory.domain import CONTENT_DIGITS
from defectory.sources import read_dataset
from defectory.workflows.exporting.export import export_model
from defectory.workflows.exporting.options import ExportOptions
from tests.pictures import disc, save
from tests.unit.workflows.exporting.small_net import model_of


@pytest.fixture(scope="session")
def parts(tmp_path_factory):
    """A data set of good parts on disk."""
    folder = tmp_path_factory.mktemp("exporting") / "good"
    rng = np.random.default_rng(0)
    for i in range(20):
        save(folder / f"{i:02}.png", disc(rng, 40))
    return read_dataset(folder)


@pytest.fixture(scope="session")
def contents(parts):
    images = parts.images()
    return [images.fingerprint(i)[:CONTENT_DIGITS] for i in range(len(images))]


@pytest.fixture(scope="session")
def model(parts, contents):
    return model_of(parts.images(), contents=contents)


@pytest.fixture(scope="session")
def exported(model, tmp_path_factory):
    """A sound folder for ONNX Runtime, not to be changed."""
    folder = tmp_path_factory.mktemp("exported") / "sound"
    export_model(model, folder, ExportOptions(), bundle_sha256="0" * 64)
    return folder
