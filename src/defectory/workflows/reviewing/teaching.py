"""The bundle of a review learns what people said, and proposes what comes of it."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from defectory.domain import CONTENT_DIGITS, DataError, Label, Progress
from defectory.projects import Answer, VersionRow
from defectory.projects.answers import new_answers
from defectory.projects.bundle_versions import (
    add_learned,
    add_version,
    current_version,
    fail_unfinished,
    next_version,
    set_proposal,
    set_state,
)
from defectory.projects.images import ImageRow, read_image_rows
from defectory.projects.mask_files import mask_path
from defectory.projects.scores import drop_maps
from defectory.sources import Dataset, Sample
from defectory.workflows.calibrated import CalibratedDetector, load_calibrated
from defectory.workflows.reviewing.asking import tell_choices_apart
from defectory.workflows.reviewing.facts import Proposal
from defectory.workflows.reviewing.open_review import OpenReview
from defectory.workflows.reviewing.proposals import encode, proposal_from
from defectory.workflows.reviewing.scoring import score_version
from defectory.workflows.reviewing.state import read_state
from defectory.workflows.reviewing.versions import (
    check_preparing,
    check_still_current,
    file_of,
    reject_waiting,
    row_of,
    save,
)
from defectory.workflows.updating.new_labels import NewLabels, check_new_labels
from defectory.workflows.updating.results import Update
from defectory.workflows.updating.update import update_model


def teach(review: OpenReview, progress: Progress, *, use_cache: bool) -> Proposal:
    """Return what comes of all labels that the current bundle has not learned; it waits for an answer.

    All images are scored by the taught bundle, so that accepting it takes no time. Meanwhile the proposal can
    be read (`proposal_of`), but not be answered.

    Parameters
    ----------
    use_cache : take features from the cache of earlier fits, and keep them there

    Raises
    ------
    DataError : there is nothing to learn; it is being taught already; copies of one image have two labels; an
        image has changed since it was labeled; another bundle became current meanwhile.
    ParameterError : the bundle's detector takes no labels.
    ImageReadError, MaskError : an image or mask cannot be read.
    """
    if not review.is_teaching.acquire(blocking=False):
        raise DataError("the bundle is being taught already; wait until that is done")
    try:
        return _teach(review, progress, use_cache=use_cache)
    finally:
        review.early_proposal = None
        review.is_teaching.release()


def _teach(review: OpenReview, progress: Progress, *, use_cache: bool) -> Proposal:
    before, answers, images = _what_is_new(review)
    state = read_state(review)
    with review.store.reading() as connection:
        chosen, drawn = tell_choices_apart(connection, state)
    new = replace(_as_labels(review, answers, images), chosen=chosen, drawn=drawn)
    # a model of its own: nobody else may score with it while it takes features from the cache
    model = load_calibrated(review.bundle_path(before))
    update = update_model(model, new, use_cache=use_cache, progress=progress)
    row = _announce(review, before, update, answers)
    path = review.bundle_path(row)
    try:
        save(update.model, path)
        proposal = proposal_from(update, row.version, _ids_of_names(model, new, images))
        review.early_proposal = replace(proposal, is_ready=False)
        score_version(review, load_calibrated(path), row.version, progress)
        _propose(review, before, row, proposal)
    except BaseException:
        with review.store.writing() as connection:
            set_state(connection, row.version, "failed", note="interrupted")
        path.unlink(missing_ok=True)
        raise
    return proposal


def _what_is_new(review: OpenReview) -> tuple[VersionRow, list[Answer], dict[int, ImageRow]]:
    with review.store.writing() as connection:
        left_over = fail_unfinished(connection)
        before = current_version(connection)
        answers = new_answers(connection, before.version)
        images = {row.id: row for row in read_image_rows(connection)}
    for file in left_over:
        (review.folder / file).unlink(missing_ok=True)
    if not answers:
        raise DataError(
            f"there is nothing to learn: bundle version {before.version} knows all labels; label more images"
        )
    return before, answers, images


def _as_labels(
    review: OpenReview, answers: Sequence[Answer], images: dict[int, ImageRow]
) -> NewLabels:
    samples = tuple(_sample(images[answer.image], answer, review.folder) for answer in answers)
    dataset = Dataset(review.folder, "list", samples)
    source = dataset.images()
    for i, answer in enumerate(answers):
        image = images[answer.image]
        if source.fingerprint(i) != image.content:
            raise DataError(f"{image.path} has changed since it was scored; begin a new review")
    return check_new_labels(dataset, review.folder)


def _sample(image: ImageRow, answer: Answer, folder: Path) -> Sample:
    is_bad = answer.value == "defective"
    return Sample(
        path=image.path,
        label=Label.ANOMALOUS if is_bad else Label.NORMAL,
        mask_path=mask_path(folder, answer.mask) if is_bad and answer.mask else None,
        split="",
        group=image.part,
        defect_type=answer.defect_type or None,
        name=image.name,
    )


def _announce(
    review: OpenReview, before: VersionRow, update: Update, answers: Sequence[Answer]
) -> VersionRow:
    """Keep that a version is being made, and what it has learned."""
    with review.store.writing() as connection:
        version = next_version(connection)
        row = row_of(
            update.model,
            version,
            state="preparing",
            parent=before.version,
            n_labels=before.n_labels + update.n_labels,
        )
        add_version(connection, row)
        learned = {answer.image: answer.id for answer in answers}
        add_learned(connection, version, before.version, learned)
    (review.folder / file_of(version)).unlink(missing_ok=True)
    return row


def _propose(review: OpenReview, before: VersionRow, row: VersionRow, proposal: Proposal) -> None:
    with review.store.writing() as connection:
        check_still_current(connection, before)
        check_preparing(connection, row.version)
        reject_waiting(connection, "newer")
        set_state(connection, row.version, "proposed")
        set_proposal(connection, row.version, encode(proposal))
        drop_maps(connection, [before.scores_of, row.version])


def _ids_of_names(
    model: CalibratedDetector, new: NewLabels, images: dict[int, ImageRow]
) -> dict[str, int]:
    """Return name -> number of the image, of names that an update tells one image by."""
    numbers = {image.content[:CONTENT_DIGITS]: image.id for image in images.values()}
    contents: dict[str, set[str]] = {}
    for content, name in {**model.facts.known_names, **new.names}.items():
        contents.setdefault(name, set()).add(content)
    named = {name: next(iter(found)) for name, found in contents.items() if len(found) == 1}
    told = {name: numbers[content] for name, content in named.items() if content in numbers}
    return {**numbers, **told}
