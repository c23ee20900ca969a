"""A review is begun, or goes on where its beginning was interrupted."""

import hashlib
import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from defectory.artifacts import BUNDLE_FILE
from defectory.domain import (
    CONTENT_DIGITS,
    DataError,
    ImageReadError,
    Label,
    Progress,
)
from defectory.projects import DATABASE, Answer, NewImage, ProjectStore, append_answer, is_project
from defectory.projects.answers import DATA, no_answer, now
from defectory.projects.bundle_versions import add_learned, add_version, read_versions
from defectory.projects.facts import COMPLETE, read_fact, write_fact
from defectory.projects.images import (
    add_images,
    add_unreadable,
    count_images,
    known_paths,
    read_alike,
    read_image_rows,
    read_thumbnails,
    set_alike,
)
from defectory.projects.mask_files import keep_mask
from defectory.projects.scores import add_scores, unscored
from defectory.sources import Dataset, FileImages, Sample, read_dataset
from defectory.sources.layouts import read_given, spell_out
from defectory.storage import OutputFile, OutputFolder, check_outputs, readable_name, write_outputs
from defectory.workflows.calibrated import CalibratedDetector, load_calibrated, refuse_swapped
from defectory.workflows.reviewing.candidates import find_copies
from defectory.workflows.reviewing.open_review import OpenReview
from defectory.workflows.reviewing.scoring import CHUNK, WatchedImages, score_images, score_version
from defectory.workflows.reviewing.versions import file_of, row_of

_FROM = "from"
# Of more images, hashes of all pairs take minutes: then only files that are the same are copies.
_MOST_COMPARED = 20_000


def create_review(
    folder: Path, bundle: Path, data: Path | Sequence[Path], progress: Progress
) -> OpenReview:
    """Return the review of a new folder, all images scored; one that was interrupted goes on.

    Parameters
    ----------
    bundle : is copied, and never written
    data : folders, manifests, files or patterns; images stay where they are, and labels and masks that are
        said there are taken as answers of "data"

    Raises
    ------
    OutputError : the folder is, contains or lies inside an input; holds something else; cannot be written.
    BundleError : there is no bundle, or it is damaged.
    DataError : there are no images; the folder is the review of another bundle or other data.
    MaskError : a mask does not fit its image.
    """
    given = [data] if isinstance(data, Path) else list(data)
    refuse_swapped(bundle, given)
    paths = [path for one in given for path in spell_out(one)]
    dataset = _without_test_split(read_given(paths, read_dataset), progress)
    if not is_project(folder):
        _check_place(folder, [bundle, *paths, *dataset.files()])
    model = load_calibrated(bundle)
    review = OpenReview(ProjectStore.create(folder))
    try:
        _begin(review, model, bundle, paths)
        _add_all_images(review, model, dataset, progress)
        _score_by_later_versions(review, progress)
        _finish(review, progress)
    except BaseException:
        review.store.close()
        raise
    return review


def check_complete(store: ProjectStore) -> None:
    """Raise DataError where a review was never made to its end."""
    with store.reading() as connection:
        is_complete = read_fact(connection, COMPLETE)
    if not is_complete:
        raise DataError(
            f"{store.folder} was interrupted before all images were scored; give the same command with "
            "BUNDLE and DATA again and it goes on"
        )


def _check_place(folder: Path, inputs: Sequence[Path]) -> None:
    if folder.is_dir() and (folder / DATABASE).exists():
        return  # the store tells whether that is ours
    check_outputs([OutputFolder(folder, "review")], inputs=inputs, overwrite=True)


def _without_test_split(dataset: Dataset, progress: Progress) -> Dataset:
    """Return what may be learned from; DataError where there is nothing."""
    kept = dataset.filter(lambda sample: sample.split != "test")
    n_left = len(dataset) - len(kept)
    if not len(kept):
        raise DataError(
            f"{dataset.root}: every image belongs to the test split, and nothing may learn from that"
        )
    if n_left:
        progress.say(f"{n_left} images of the test split are left out: nothing may learn from them")
    return kept


def _begin(
    review: OpenReview, model: CalibratedDetector, bundle: Path, paths: Sequence[Path]
) -> None:
    """Copy the bundle and keep what the review is of, once."""
    digest = hashlib.sha256(bundle.read_bytes()).hexdigest()
    story = json.dumps({"bundle": digest, "data": [os.fsencode(p.absolute()).hex() for p in paths]})
    with review.store.reading() as connection:
        known = read_fact(connection, _FROM)
    if known is None:
        path = review.folder / file_of(1)
        with write_outputs([OutputFile(path, BUNDLE_FILE)], overwrite=True) as (part,):
            shutil.copyfile(bundle, part)
        with review.store.writing() as connection:
            if not read_versions(connection):
                add_version(connection, row_of(model, 1, state="current"))
                write_fact(connection, _FROM, story)
    elif known != story:
        raise DataError(
            f"{review.folder} is the review of another bundle or of other images; choose another folder"
        )


def _add_all_images(
    review: OpenReview, model: CalibratedDetector, dataset: Dataset, progress: Progress
) -> None:
    """Add what is not there yet, scored by the first version; what could not be read is tried again."""
    with review.store.reading() as connection:
        known = known_paths(connection)
    waiting = [sample for sample in dataset.samples if sample.path.absolute() not in known]
    progress.start("scoring", len(dataset))
    progress.advance(len(dataset) - len(waiting))
    for start in range(0, len(waiting), CHUNK):
        _add_chunk(review, model, waiting[start : start + CHUNK], progress)


def _score_by_later_versions(review: OpenReview, progress: Progress) -> None:
    """Score images that came later by the versions that decide, or wait for an answer."""
    with review.store.reading() as connection:
        rows = {row.version: row for row in read_versions(connection)}
        deciding = {row.scores_of for row in rows.values() if row.state in ("current", "proposed")}
        behind = [version for version in sorted(deciding) if unscored(connection, version)]
    for version in behind:
        score_version(review, review.model_of(rows[version]), version, progress)


def _add_chunk(
    review: OpenReview, model: CalibratedDetector, samples: Sequence[Sample], progress: Progress
) -> None:
    images = WatchedImages(FileImages([sample.path for sample in samples]))
    try:
        scores, maps = score_images(model, images, progress)
    except ImageReadError:
        return _add_readable(review, model, samples, progress)
    rows = [
        NewImage(
            readable_name(sample.name),
            sample.path.absolute(),
            images.fingerprint(i),
            images.sizes[i],
            sample.group,
            images.thumbnails[i],
        )
        for i, sample in enumerate(samples)
    ]
    masks = Dataset(Path(), "list", tuple(samples)).masks()
    kept = [
        None
        if (mask := masks.read(i)) is None or not mask.any()
        else keep_mask(review.folder, mask)
        for i in range(len(samples))
    ]
    learned_contents = frozenset(model.facts.data.image_hashes)
    with review.store.writing() as connection:
        ids = add_images(connection, rows)
        add_scores(connection, 1, ids, scores, maps)
        learned = {}
        for i, sample in enumerate(samples):
            for answer in _answers_of(sample, ids[i], kept[i]):
                last = append_answer(connection, answer)
                if rows[i].content[:CONTENT_DIGITS] in learned_contents:
                    learned[ids[i]] = last.id
        add_learned(connection, 1, None, learned)
    return None


def _add_readable(
    review: OpenReview, model: CalibratedDetector, samples: Sequence[Sample], progress: Progress
) -> None:
    """Add those images of a chunk that can be read, and keep why the others cannot."""
    readable = []
    for sample in samples:
        try:
            FileImages([sample.path]).read([0])
        except ImageReadError as error:
            progress.say(f"left out: {error}")
            with review.store.writing() as connection:
                add_unreadable(connection, sample.path.absolute(), readable_name(str(error)))
        else:
            readable.append(sample)
    if readable:
        _add_chunk(review, model, readable, progress)


def _answers_of(sample: Sample, image: int, mask: str | None) -> list[Answer]:
    """Return what the data say of an image: its label, and then its mask."""
    value = {Label.NORMAL: "good", Label.ANOMALOUS: "defective"}.get(sample.label)
    if value is None:
        return []
    plain = replace(
        no_answer(image), value=value, defect_type=sample.defect_type or "", who=DATA, at=now()
    )
    return [plain] if mask is None else [plain, replace(plain, what="mask", mask=mask)]


def _finish(review: OpenReview, progress: Progress) -> None:
    """Find images that are copies of each other, once all are there."""
    with review.store.reading() as connection:
        if read_alike(connection) is not None:
            return
        n = count_images(connection)
        thumbnails = read_thumbnails(connection)
        contents = [row.content for row in read_image_rows(connection)]
    if not n:
        raise DataError(f"{review.folder}: none of the images can be read")
    progress.start("looking for copies", 1)
    numbers = find_copies(contents, thumbnails if n <= _MOST_COMPARED else None)
    with review.store.writing() as connection:
        set_alike(connection, numbers)
        write_fact(connection, COMPLETE, now())
    progress.advance()
