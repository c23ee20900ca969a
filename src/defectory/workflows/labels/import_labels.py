"""Labels of another tool -> a folder with a manifest and masks, as all commands read them."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image as Pillow

from defectory.domain import DataError, Label, MaskError, NoProgress, ParameterError, Progress
from defectory.sources import Dataset, Sample, read_images
from defectory.sources.decoding import image_size
from defectory.sources.label_formats import (
    LabeledImage,
    Matches,
    Meanings,
    match_names,
    read_labels,
)
from defectory.sources.manifest_writing import write_rows
from defectory.sources.vocabulary import Vocabulary
from defectory.storage import OutputFolder, check_outputs, safe_names, write_outputs
from defectory.workflows.labels.results import ImportSummary, listed

MANIFEST_NAME = "manifest.csv"
MASK_FOLDER = "masks"
UNMARKED = {"good": Label.NORMAL, "unlabeled": Label.UNLABELED}
"""What an image without annotations may count as."""


@dataclass(frozen=True)
class ImportOptions:
    """Settings of `import_labels`, as on the command line.

    Attributes
    ----------
    format : one of `sources.label_formats.FORMATS`; None finds it by content
    unmarked : "good" or "unlabeled", what images count as that the labels list without a word
    good_words, bad_words : further labels for good and for defective parts
    """

    format: str | None = None
    unmarked: str = "unlabeled"
    good_words: tuple[str, ...] = ()
    bad_words: tuple[str, ...] = ()


def import_labels(
    labels: Path | str,
    images: Path | str,
    folder: Path,
    options: ImportOptions | None = None,
    *,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> ImportSummary:
    """Write a folder with `manifest.csv` and `masks/`, whole or not at all; say what was understood.

    Parameters
    ----------
    labels : file that a tool exported, or a folder of LabelMe's files
    images : folder, manifest or image; only what is found there is ever read
    folder : to write; paths in its manifest are relative to it

    Raises
    ------
    DataError : the labels cannot be read, or none of them is of these images.
    MaskError : a shape is damaged, or drawn for another size than its image's.
    ImageReadError : the size of an image is needed and cannot be read.
    ParameterError : an unknown format or value of `unmarked`.
    OutputError : the folder exists or cannot be written.
    """
    options, progress = options or ImportOptions(), progress or NoProgress()
    if options.unmarked not in UNMARKED:
        raise ParameterError(f"unmarked is {options.unmarked!r}; give {' or '.join(UNMARKED)}")
    vocabulary = Vocabulary(options.good_words, options.bad_words)
    dataset = read_images(images)
    read = read_labels(labels, options.format)
    output = OutputFolder(folder, "labels import")
    inputs = [labels, images, *dataset.files()]
    check_outputs([output], inputs=inputs, overwrite=overwrite, say=progress.say)
    meanings = Meanings(vocabulary, UNMARKED[options.unmarked])
    understood = meanings.understand(read.images)
    matches = match_names(
        [image.name for image in understood], [sample.name for sample in dataset.samples]
    )
    _check_matches(matches, labels, images)
    known = {
        matches.images[image.name]: image for image in understood if image.name in matches.images
    }
    with write_outputs([output], overwrite=overwrite) as (part,):
        samples = _write_masks(dataset, known, part, output.target, progress)
        write_rows(samples, part / MANIFEST_NAME, output.target / MANIFEST_NAME)
    counts = Counter(sample.label for sample in samples)
    words = vocabulary.note_unused(word for taken in meanings.taken_as.values() for word in taken)
    return ImportSummary(
        manifest=Path(folder) / MANIFEST_NAME,
        format=read.format,
        n_entries=len(understood),
        n_annotations=sum(len(image.annotations) for image in read.images),
        n_good=counts[Label.NORMAL],
        n_defective=counts[Label.ANOMALOUS],
        n_unlabeled=counts[Label.UNLABELED],
        n_masks=sum(sample.mask_path is not None for sample in samples),
        good_words=meanings.taken_as[Label.NORMAL],
        defective_words=meanings.taken_as[Label.ANOMALOUS],
        other_words=meanings.taken_as[Label.UNLABELED],
        missing=matches.missing,
        unlisted=[sample.name for sample in dataset.samples if sample.name not in known],
        notes=[*read.notes, *_notes(known, samples, matches), *words],
    )


def _check_matches(matches: Matches, labels: Path | str, images: Path | str) -> None:
    for image, names in matches.shared.items():
        raise DataError(f"{labels}: {listed(names)} all mean the image {image} of {images}")
    if not matches.images:
        told = listed([*matches.unclear, *matches.missing]) or "none at all"
        raise DataError(f"{labels} names no image of {images}; it names {told}")


def _write_masks(
    dataset: Dataset,
    known: Mapping[str, LabeledImage],
    part: Path,
    place: Path,
    progress: Progress,
) -> list[Sample]:
    """Write the masks below `part`, which will lie at `place`; return the rows of the manifest."""
    marked = [sample.name for sample in dataset.samples if _has_shapes(known.get(sample.name))]
    stems = [str(PurePosixPath(name).with_suffix("")) for name in marked]
    files = dict(zip(marked, safe_names(stems, ".png"), strict=True))
    samples = []
    progress.start("drawing masks", len(marked))
    for sample in dataset.samples:
        image = known.get(sample.name)
        row = replace(sample, label=Label.UNLABELED, mask_path=None, split="", group=None)
        if image is None:
            samples.append(row)
            continue
        row = replace(row, label=image.label, defect_type=_as_text(image.defect_types))
        if sample.name in files:
            name = Path(MASK_FOLDER, files[sample.name])
            if _write_mask(image, sample.path, part / name):
                row = replace(row, mask_path=place / name)
            progress.advance()
        samples.append(row)
    return samples


def _as_text(words: Sequence[str]) -> str | None:
    """Return the first word; half a character, from a JSON escape, is written out."""
    return words[0].encode("utf-8", "backslashreplace").decode() if words else None


def _has_shapes(image: LabeledImage | None) -> bool:
    return image is not None and bool(image.shapes)


def _write_mask(image: LabeledImage, image_path: Path, path: Path) -> bool:
    """Write one mask; return False where it marks nothing."""
    size = image_size(image_path)
    if image.size is not None and image.size != size:
        height, width = image.size
        raise MaskError(
            f"{image.name} is labeled as {width} x {height} px, but {image_path} has {size[1]} x "
            f"{size[0]} px (width x height)"
        )
    try:
        mask = image.draw(size)
    except MaskError as error:
        raise MaskError(f"the labels of {image.name}: {error}") from error
    if mask is None:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    Pillow.fromarray(np.where(mask, 255, 0).astype(np.uint8)).save(path, compress_level=1)
    return True


def _notes(
    known: Mapping[str, LabeledImage], samples: Sequence[Sample], matches: Matches
) -> Iterable[str]:
    """Yield what was assumed, a line each."""
    for name, several in list(matches.unclear.items())[:1]:
        n = len(matches.unclear)
        yield (
            f"names of the labels that fit several images are left out, {n} in all: {name} fits "
            f"{listed(several)}"
        )
    contradicted = [name for name, image in known.items() if image.is_contradicted]
    if contradicted:
        yield (
            f"{len(contradicted)} called good and defective, taken as unlabeled: {listed(contradicted)}"
        )
    n_boxes = sum(image.has_boxes for image in known.values())
    if n_boxes:
        yield (
            f"{n_boxes} of the masks are drawn from boxes, which mark more than the defect: pixel figures of "
            "evaluate suffer"
        )
    empty = [
        sample.name
        for sample in samples
        if sample.mask_path is None and _has_shapes(known.get(sample.name))
    ]
    if empty:
        yield f"{len(empty)} defective with shapes that mark no pixel, without a mask: {listed(empty)}"
    types = [name for name, image in known.items() if len(image.defect_types) > 1]
    if types:
        yield f"{len(types)} with several types of defects; the most frequent is listed: {listed(types)}"
