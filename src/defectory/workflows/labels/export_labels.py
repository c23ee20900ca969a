"""Labels and masks of a data set -> the file that another tool reads."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from defectory.domain import Label, NoProgress, ParameterError, Progress
from defectory.sources import Dataset, read_dataset
from defectory.sources.decoding import image_size
from defectory.sources.label_formats import (
    FORMATS,
    ExportedImage,
    coco,
    cvat,
    label_studio,
    labelme,
    write_coco,
    write_cvat,
    write_label_studio,
    write_labelme,
)
from defectory.sources.manifest_writing import write_manifest
from defectory.storage import Output, OutputFile, OutputFolder, check_outputs, write_outputs
from defectory.workflows.labels.results import ExportSummary

MANIFEST = "manifest"
TARGETS = (*FORMATS, MANIFEST)
"""What labels are written as."""

_FILES: dict[str, tuple[Any, Any]] = {
    coco.NAME: (write_coco, coco.KIND),
    cvat.NAME: (write_cvat, cvat.KIND),
    label_studio.NAME: (write_label_studio, label_studio.KIND),
}
"""Format of one file -> how it is written, and how ours are recognized."""


@dataclass(frozen=True)
class ExportOptions:
    """Settings of `export_labels`: further names and labels for good and for defective parts."""

    good_words: tuple[str, ...] = ()
    bad_words: tuple[str, ...] = ()


def export_labels(
    data: Path | str,
    path: Path,
    to: str,
    options: ExportOptions | None = None,
    *,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> ExportSummary:
    """Write the labels and masks of a data set for another tool, whole or not at all.

    Parameters
    ----------
    data : folder, manifest or image
    path : file to write, for "labelme" a folder
    to : one of TARGETS

    Raises
    ------
    DataError : the data cannot be read.
    MaskError, ImageReadError : a mask or an image cannot be read, or the two differ in size.
    ParameterError : an unknown format.
    OutputError : the output exists or cannot be written.

    Notes
    -----
    Masks come back pixel by pixel: as run lengths, in LabelMe as polygons along the edges of pixels. Splits
    and groups have no place in the formats of tools; a manifest keeps them.
    """
    options, progress = options or ExportOptions(), progress or NoProgress()
    if to not in TARGETS:
        raise ParameterError(f"unknown format {to!r}; known: {', '.join(TARGETS)}")
    dataset = read_dataset(data, good_words=options.good_words, bad_words=options.bad_words)
    inputs = [data, *dataset.files()]
    if to == MANIFEST:
        write_manifest(dataset, path, overwrite=overwrite, inputs=[data], say=progress.say)
        n_masks = sum(sample.mask_path is not None for sample in dataset.samples)
        return _summary(path, dataset, n_masks)
    is_folder = to == labelme.NAME
    output: Output = (
        OutputFolder(path, "labels export") if is_folder else OutputFile(path, _FILES[to][1])
    )
    check_outputs([output], inputs=inputs, overwrite=overwrite, say=progress.say)
    images = _Exported(dataset, progress)
    with write_outputs([output], overwrite=overwrite) as (part,):
        if is_folder:
            names = [sample.name for sample in dataset.samples]
            write_labelme(images, names, part, output.target)
        else:
            _FILES[to][0](images, part)
    return _summary(path, dataset, images.n_masks)


class _Exported:
    """The images of a data set, one at a time: masks are large."""

    def __init__(self, dataset: Dataset, progress: Progress) -> None:
        self.n_masks = 0
        self._dataset = dataset
        self._progress = progress

    def __iter__(self) -> Iterator[ExportedImage]:
        masks = self._dataset.masks()
        self._progress.start("writing labels", len(self._dataset))
        for i, sample in enumerate(self._dataset.samples):
            mask = masks.read(i)
            if mask is not None and not mask.any():
                mask = None
            self.n_masks += mask is not None
            yield ExportedImage(
                path=sample.path,
                name=sample.name,
                size=image_size(sample.path) if mask is None else mask.shape,
                label=sample.label,
                defect_type=sample.defect_type,
                mask=mask,
            )
            self._progress.advance()


def _summary(path: Path, dataset: Dataset, n_masks: int) -> ExportSummary:
    counts = Counter(sample.label for sample in dataset.samples)
    return ExportSummary(
        path=Path(path),
        n_images=len(dataset),
        n_good=counts[Label.NORMAL],
        n_defective=counts[Label.ANOMALOUS],
        n_unlabeled=counts[Label.UNLABELED],
        n_masks=n_masks,
        notes=dataset.notes,
    )
