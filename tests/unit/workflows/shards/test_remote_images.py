"""Images in stores: what is asked of them first."""

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from defectory.domain import DataError
from defectory.remote import RemotePath, retries
from defectory.workflows.shards.remote_images import look_up_all, sample_of


class _Silent(MemoryFileSystem):
    """Answers for nothing but `there.png`, and says of `gone.png` that it is not there."""

    protocol = "silent"

    @classmethod
    def _strip_protocol(cls, path):
        return super()._strip_protocol(path.replace("silent://", "memory://"))

    def info(self, path, **options):
        if path.endswith("gone.png"):
            raise FileNotFoundError(path)
        if not path.endswith("there.png"):
            raise TimeoutError("slow")
        return {"name": path, "size": 7, "ETag": "tag", "type": "file"}


@pytest.fixture
def samples(monkeypatch):
    monkeypatch.setattr(retries, "N_TRIES", 1)
    fsspec.register_implementation("silent", _Silent, clobber=True)

    def build(*names):
        return [sample_of(RemotePath(f"silent://box/{name}"), name) for name in names]

    return build


def test_a_store_that_answers_for_nothing_is_the_end(samples):
    with pytest.raises(DataError, match=r"cannot read silent://box/\d+\.png: slow; no image"):
        look_up_all(samples(*(f"{i}.png" for i in range(100))))


@pytest.mark.parametrize("known", ["there.png", "gone.png"])
def test_one_answer_is_enough_to_go_on(samples, known):
    found = look_up_all(samples(known, *(f"{i}.png" for i in range(100))))
    assert len(found) == 101
    assert (found[0].n_bytes, bool(found[0].version)) == (
        (7, True) if "there" in known else (0, False)
    )
    assert not found[1].version
