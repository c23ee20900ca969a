import pytest

from defectory.projects import ProjectStore
from tests.unit.projects.rows import add_pictures, version_row


@pytest.fixture
def store(tmp_path):
    """A review of three images and one bundle."""
    store = ProjectStore.create(tmp_path / "review")
    with store.writing() as connection:
        add_pictures(connection, ["a.png", "b.png", "c.png"])
        version_row(connection, 1, state="current")
    yield store
    store.close()
