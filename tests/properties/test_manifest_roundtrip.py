"""Reading a manifest after writing it is the identity, whatever the names."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from defectory.domain import Label
from defectory.sources import Dataset, Sample, read_dataset
from defectory.sources.manifest_writing import write_manifest

# Names of real file systems: no slash, no zero byte, at most 255 bytes; surrogates stand for bytes
# that are no text.
CHARACTERS = st.characters(exclude_characters="/\0", exclude_categories=["Cs"])
ODD = st.sampled_from([",", '"', "\n", "\r", "\r\n", " ", "'", "\u2028", "\ufeff", "\udcff", "é"])
PARTS = st.lists(CHARACTERS | ODD, min_size=1, max_size=12).map("".join)
NAMES = st.lists(PARTS.filter(lambda p: p not in (".", "..")), min_size=1, max_size=2)
# Other text is text: bytes that are none would be read as Windows-1252.
TEXTS = st.none() | st.lists(CHARACTERS | ODD.filter(lambda c: c != "\udcff"), min_size=1).map(
    "".join
)


@st.composite
def sample_rows(draw):
    names = draw(st.lists(NAMES.map("/".join), min_size=1, max_size=6, unique=True))
    return [
        (
            name,
            draw(st.sampled_from(list(Label))),
            draw(st.booleans()),
            draw(st.sampled_from(["train", "test", ""])),
            draw(TEXTS.filter(lambda group: group is None or group.strip())),  # blank: no group
            draw(TEXTS),
            draw(st.sampled_from([True, False, None])),
        )
        for name in names
    ]


@pytest.mark.parametrize("extension", ["csv", "jsonl"])
@settings(max_examples=60)
@given(rows=sample_rows())
def test_read_after_write_is_the_identity(extension, rows):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        samples = []
        for i, (name, label, masked, split, group, kind, is_random) in enumerate(rows):
            path = root / f"images{i}" / name
            path.parent.mkdir(parents=True)
            path.touch()
            mask = path.with_name("mask,1.png") if masked else None
            if mask:
                mask.touch()
            relative = path.relative_to(root).as_posix()
            samples.append(Sample(path, label, mask, split, group, kind, relative, is_random))
        dataset = Dataset(root, extension, tuple(samples))
        write_manifest(dataset, root / f"list.{extension}")
        assert read_dataset(root / f"list.{extension}") == dataset
