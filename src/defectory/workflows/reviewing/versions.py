"""The bundle versions of a review: one is current, one may wait for an answer, all stay reachable."""

import sqlite3
from dataclasses import replace
from pathlib import Path

from defectory.domain import DataError, NoProgress, WorseError
from defectory.domain.scores import finite_or_none
from defectory.projects import VersionRow
from defectory.projects.answers import now
from defectory.projects.bundle_versions import (
    add_learned,
    add_version,
    current_version,
    make_current,
    next_version,
    proposed_version,
    read_version,
    read_versions,
    set_state,
)
from defectory.projects.scores import drop_maps, unscored
from defectory.storage.renames import sync_folder
from defectory.workflows.calibrated import CalibratedDetector, load_calibrated
from defectory.workflows.fitting.facts import notes_of_new_threshold
from defectory.workflows.reviewing.facts import BundleVersion, Proposal
from defectory.workflows.reviewing.open_review import OpenReview
from defectory.workflows.reviewing.proposals import decode
from defectory.workflows.reviewing.scoring import score_version

_SHOWN = ("past", "current", "proposed", "rejected")
_REASONS = ("newer", "threshold", "detector")
_BASES = ("promised", "short", "estimated", "none")


def file_of(version: int) -> str:
    """Return where a bundle version lies below the project's folder."""
    return f"bundles/{version:04}.defectory"


def row_of(
    model: CalibratedDetector,
    version: int,
    *,
    state: str,
    parent: int | None = None,
    scores_of: int | None = None,
    n_labels: int = 0,
) -> VersionRow:
    """Return what a review keeps of a bundle version; see VersionRow."""
    zone = model.gray_zone
    return VersionRow(
        version=version,
        file=file_of(version),
        state=state,
        made_at=now(),
        parent=parent,
        scores_of=version if scores_of is None else scores_of,
        threshold=float(model.threshold.value),
        accept_threshold=None if zone is None else float(zone.accept.value),
        false_reject_rate=model.promise.false_reject_rate,
        promise=model.threshold.basis,
        detector=model.bundle.detector.name,
        n_labels=n_labels,
    )


def proposal_of(review: OpenReview) -> Proposal | None:
    """Return what waits for an answer, or will."""
    if review.early_proposal is not None:
        return review.early_proposal
    with review.store.reading() as connection:
        row = proposed_version(connection)
    return None if row is None or row.proposal is None else decode(row.proposal)


def accept(review: OpenReview, *, force: bool, version: int | None = None) -> None:
    """Let the taught bundle decide from now on.

    Parameters
    ----------
    version : of the bundle that a person has looked at; None for the one that waits, whichever it is

    Raises
    ------
    DataError : none waits for an answer, or it still scores images, or another one waits than was looked at.
    WorseError : it decides worse on what is known, and `force` is not given.
    """
    _refuse_early(review)
    with review.store.writing() as connection:
        row = _waiting(proposed_version(connection), version)
        _refuse_worse(row, force=force)
        make_current(connection, row.version)
        drop_maps(connection, [row.scores_of])


def reject(review: OpenReview, *, version: int | None = None) -> None:
    """Leave the taught bundle in the history; DataError as of `accept`."""
    _refuse_early(review)
    with review.store.writing() as connection:
        row = _waiting(proposed_version(connection), version)
        set_state(connection, row.version, "rejected")
        drop_maps(connection, [current_version(connection).scores_of])


def restore(review: OpenReview, version: int, *, force: bool) -> None:
    """Let a bundle of the history decide from now on; one that waits for an answer is rejected.

    Images that came while it was away are scored first.

    Raises
    ------
    DataError : there is no such version, or its making was interrupted.
    WorseError : it was found to decide worse and never accepted, and `force` is not given.
    ImageReadError : an image that came meanwhile cannot be read.
    """
    with review.store.reading() as connection:
        row = read_version(connection, version)
        if row.state in ("preparing", "failed"):
            raise DataError(f"bundle version {version} was never made to its end")
        if row.state == "current":
            return
        if row.state != "past":
            _refuse_worse(row, force=force)
        of = read_version(connection, row.scores_of)
        is_behind = bool(unscored(connection, of.version))
    if is_behind:
        score_version(review, load_calibrated(review.bundle_path(of)), of.version, NoProgress())
    with review.store.writing() as connection:
        reject_waiting(connection, "detector", but=version)
        make_current(connection, version)
        drop_maps(connection, [row.scores_of])


def history(review: OpenReview) -> list[BundleVersion]:
    """Return the bundles that there are, the oldest first."""
    with review.store.reading() as connection:
        rows = {row.version: row for row in read_versions(connection)}
    return [
        _version_from(row, rows.get(row.parent or 0))
        for row in rows.values()
        if row.state in _SHOWN
    ]


def _version_from(row: VersionRow, parent: VersionRow | None) -> BundleVersion:
    has_scores = row.scores_of == row.version  # its own, not those of its parent
    return BundleVersion(
        version=row.version,
        date=row.made_at,
        n_labels=row.n_labels,
        threshold=finite_or_none(row.threshold),
        origin="begun" if parent is None else "taught" if has_scores else "rate",
        n_taught=row.n_labels - (parent.n_labels if parent else 0),
        false_reject_rate=row.false_reject_rate,
        # reviews of earlier versions kept sentences in these two
        basis=row.promise if row.promise in _BASES else "",
        state=row.state,
        why=row.note if row.note in _REASONS else "",
    )


def set_false_reject_rate(review: OpenReview, rate: float, *, prefers_estimate: bool) -> None:
    """Let a bundle with another promise decide from now on; nothing is fitted or scored again.

    Parameters
    ----------
    prefers_estimate : decide by an estimate even where confirmed images could

    Notes
    -----
    A taught bundle that waits for an answer is rejected: it was shown at another threshold.

    Raises
    ------
    ParameterError : the rate is not between 0 and 1.
    OutputError : the bundle cannot be written.
    """
    with review.store.reading() as connection:
        before = current_version(connection)
    old = review.model_of(before)
    model = old.with_false_reject_rate(rate, prefers_estimate=prefers_estimate)
    if (rate, float(model.threshold.value)) == (before.false_reject_rate, before.threshold):
        return
    notes = notes_of_new_threshold(model.facts, old.threshold, model.threshold)
    model = replace(model, bundle=replace(model.bundle, facts=replace(model.facts, notes=notes)))
    with review.store.writing() as connection:
        version = next_version(connection)
        row = row_of(
            model,
            version,
            state="preparing",
            parent=before.version,
            scores_of=before.scores_of,
            n_labels=before.n_labels,
        )
        add_version(connection, row)
        add_learned(connection, version, before.version, {})
    save(model, review.bundle_path(row))
    with review.store.writing() as connection:
        check_still_current(connection, before)
        check_preparing(connection, version)
        reject_waiting(connection, "threshold")
        make_current(connection, version)


def current_path(review: OpenReview) -> Path:
    """Return the file of the current bundle."""
    with review.store.reading() as connection:
        return review.bundle_path(current_version(connection))


def save(model: CalibratedDetector, path: Path) -> None:
    """Write a bundle of the review, whole, and see it on the disk; raise OutputError."""
    model.save(path)
    sync_folder(path.parent)


def check_still_current(connection: sqlite3.Connection, before: VersionRow) -> None:
    """Raise DataError where another bundle has become current than that which work began with."""
    if current_version(connection).version != before.version:
        raise DataError(
            f"bundle version {before.version} is no longer the current one: somebody chose another meanwhile"
        )


def check_preparing(connection: sqlite3.Connection, version: int) -> None:
    """Raise DataError where somebody else has swept away a version that is being made, as if interrupted."""
    if read_version(connection, version).state != "preparing":
        raise DataError("the bundle was taught from another window meanwhile; try again")


def reject_waiting(connection: sqlite3.Connection, why: str, *, but: int = 0) -> None:
    """Reject the taught bundle that waits for an answer, if there is one; `why` as in BundleVersion."""
    row = proposed_version(connection)
    if row is not None and row.version != but:
        set_state(connection, row.version, "rejected", note=why)


def _refuse_early(review: OpenReview) -> None:
    """Raise DataError where what a person sees cannot be answered yet, be there an older proposal or not."""
    if review.early_proposal is not None:
        raise DataError("the taught bundle still scores the other images; answer when that is done")


def _waiting(row: VersionRow | None, version: int | None) -> VersionRow:
    if row is None:
        raise DataError("no taught bundle waits for an answer; teach first")
    if version not in (None, row.version):
        raise DataError("another bundle was taught meanwhile; look at what it changes, then answer")
    return row


def _refuse_worse(row: VersionRow, *, force: bool) -> None:
    worse = "" if row.proposal is None else decode(row.proposal).worse
    if worse and not force:
        raise WorseError(f"the taught bundle would decide worse: {worse}")
