"""Labels that are exported and imported again are the same, every pixel of the masks, in every format."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from defectory.domain import Label
from defectory.sources import Dataset, Sample, read_dataset
from defectory.sources.label_formats import FORMATS
from defectory.sources.manifest_writing import write_manifest
from defectory.workflows.labels.export_labels import export_labels
from defectory.workflows.labels.import_labels import import_labels

SIZES = st.tuples(st.integers(1, 9), st.integers(1, 9))
MASKS = SIZES.flatmap(lambda size: arrays.arrays(np.bool_, size))
# Words of ours are read again as they are; what says good would not be a type of defect.
TYPES = st.sampled_from([None, "scratch", "Öl & <Fett>", 'a "b"\n', "裂紋", "7"])
NAMES = st.text("ab. é&<\"'%,;7裂", min_size=1, max_size=6).filter(lambda name: name.strip(". "))


@st.composite
def labeled(draw):
    names = draw(st.lists(NAMES, min_size=1, max_size=4, unique_by=str.casefold))
    return [
        (name, draw(st.sampled_from(list(Label))), draw(st.none() | MASKS), draw(TYPES))
        for name in names
    ]


@pytest.mark.parametrize("to", FORMATS)
@settings(max_examples=25, deadline=None)
@given(rows=labeled())
def test_import_after_export_is_the_identity(to, rows):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        dataset = write(root / "data", rows)
        output = root / ("labels" if to == "labelme" else "labels.txt")
        export_labels(root / "data/list.csv", output, to)
        summary = import_labels(output, root / "data/list.csv", root / "out")
        assert not summary.missing
        found = read_dataset(summary.manifest)
        assert [s.path.resolve() for s in found.samples] == [
            s.path.resolve() for s in dataset.samples
        ]
        masks = found.masks()
        for i, (_, label, mask, kind) in enumerate(rows):
            assert found.samples[i].label == label
            if label != Label.ANOMALOUS:
                continue
            assert found.samples[i].defect_type == (kind.strip() if kind else None) or "\n" in kind
            if mask is None or not mask.any():
                assert masks.read(i) is None
            else:
                np.testing.assert_array_equal(masks.read(i), mask)


def write(folder, rows):
    samples = []
    for name, label, mask, kind in rows:
        path = folder / f"{name}.png"
        folder.mkdir(exist_ok=True)
        size = (3, 4) if mask is None else mask.shape
        Image.fromarray(np.zeros(size, np.uint8)).save(path)
        mask_path = None
        # a good image with marked pixels, or an unlabeled one, is nobody's data
        if mask is not None and label == Label.ANOMALOUS:
            mask_path = folder / "masks" / f"{name}.png"
            mask_path.parent.mkdir(exist_ok=True)
            Image.fromarray(mask).save(mask_path)
        kind = kind if label == Label.ANOMALOUS else None
        samples.append(Sample(path, label, mask_path, "", None, kind, path.name))
    dataset = Dataset(folder, "csv", tuple(samples))
    write_manifest(dataset, folder / "list.csv")
    return dataset
