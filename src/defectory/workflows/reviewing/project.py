"""A review: images that a bundle has scored, what people say of them, and bundles that learn from it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from defectory.domain import NoProgress, Progress
from defectory.projects import ImageRow, ProjectStore
from defectory.reports.content import HeatScale
from defectory.workflows.reviewing import answering, asking, browsing, exporting, pictures, versions
from defectory.workflows.reviewing.create import check_complete, create_review
from defectory.workflows.reviewing.facts import (
    BundleVersion,
    Disagreement,
    Found,
    ImageFacts,
    LabeledImage,
    LabelState,
    Overview,
    Proposal,
    QueuedImage,
    Thresholds,
)
from defectory.workflows.reviewing.open_review import OpenReview
from defectory.workflows.reviewing.queue import MIX
from defectory.workflows.reviewing.teaching import teach
from defectory.workflows.reviewing.thresholds import threshold_options


class ReviewProject:
    """A review that is open. Threads may use it at once, and other processes its folder.

    Every method that asks for an image raises MissingImageError where the review does not hold it.

    Attributes
    ----------
    folder : of the project
    name : of the folder
    id : no other review has it, not even one that is made anew in the same folder
    """

    def __init__(self, review: OpenReview) -> None:
        self._review = review
        self.folder = review.folder
        self.name = review.folder.absolute().name
        self.id = review.id

    @classmethod
    def create(
        cls,
        folder: Path,
        bundle: Path,
        data: Path | Sequence[Path],
        *,
        progress: Progress | None = None,
    ) -> "ReviewProject":
        """Return the review of a new folder, all images scored; one that was interrupted goes on.

        See `create_review`.
        """
        return cls(create_review(folder, bundle, data, progress or NoProgress()))

    @classmethod
    def open(cls, folder: Path) -> "ReviewProject":
        """Return the review in a folder.

        Raises
        ------
        DataError : there is none, it is of a newer version, or its images are not all scored yet.
        """
        store = ProjectStore.open(folder)
        try:
            check_complete(store)
        except BaseException:
            store.close()
            raise
        return cls(OpenReview(store))

    def overview(self) -> Overview:
        """Return how far the review is."""
        return asking.overview_of(self._review, self.name)

    def queue(self, n: int, strategy: str = MIX) -> list[QueuedImage]:
        """Return n images to ask about next, fewer where fewer are open.

        Parameters
        ----------
        strategy : "mix", or one of `Overview.strategies`

        Raises
        ------
        ParameterError : there is no such strategy.
        """
        return asking.queue_of(self._review, n, strategy)

    def find(
        self,
        *,
        filter: str = "all",  # noqa: A002 - its name in the interface
        search: str = "",
        sort: str = "-score",
        offset: int = 0,
        limit: int = 50,
    ) -> Found:
        """Return some of the images that a filter finds.

        Parameters
        ----------
        filter : one of `browsing.FILTERS`
        search : part of a name, in any case
        sort : one of `browsing.SORTS`
        offset, limit : how many of them to pass over, and to return at most

        Raises
        ------
        ParameterError : a filter or order that there is not, or numbers out of range.
        """
        return browsing.find_images(self._review, filter, search, sort, offset, limit)

    def image(self, image_id: int) -> ImageFacts:
        """Return all that is known of an image."""
        return browsing.image_facts(self._review, image_id)

    def image_file(self, image_id: int) -> ImageRow:
        """Return where an image lies, what its file held, and its size: far less than `image` looks up."""
        return pictures.row_of(self._review, image_id)

    def version(self) -> int:
        """Return the number of the current bundle."""
        return pictures.version_of(self._review)

    def anomaly_map(self, image_id: int) -> NDArray[np.float32] | None:
        """Return (h, w) float32 by the current bundle, on the detector's grid; None without one."""
        return pictures.heat_of(self._review, image_id)

    def heat_scale(self) -> HeatScale | None:
        """Return the colors of the current bundle's maps; None where it has none."""
        return pictures.colors_of(self._review)

    def outline(self, image_id: int) -> NDArray[np.bool_] | None:
        """Return (h, w) bool in pixels of the image, what the detector takes for defective, or None."""
        return pictures.outline_of(self._review, image_id)

    def label(
        self,
        image_id: int,
        value: str | None,
        *,
        who: str,
        seconds: float = 0.0,
        strategy: str = "",
        defect_type: str = "",
        expected: str | None = None,
        client_id: str = "",
    ) -> LabelState:
        """Return the state of an image after a person has labeled it; it is on the disk by then.

        Parameters
        ----------
        value : good, defective, unsure, skipped; None takes the label back
        who : labels
        seconds : that it took
        strategy : by which the image was asked about
        defect_type : of a defective image
        expected : the etag that the caller has seen; None does not ask
        client_id : of this answer, unique; one that is sent again changes nothing

        Raises
        ------
        ConflictError : the image is in another state than `expected`.
        ParameterError : a value that there is not, or a text too long to keep.
        OutputError : it cannot be written.
        """
        return answering.give_label(
            self._review,
            image_id,
            value,
            who=who,
            seconds=seconds,
            strategy=strategy,
            defect_type=defect_type,
            expected=expected,
            client_id=client_id,
        )

    def mask(self, image_id: int) -> NDArray[np.bool_] | None:
        """Return (h, w) bool, what a person has marked; None where nothing is."""
        return answering.mask_of(self._review, image_id)

    def set_mask(
        self,
        image_id: int,
        mask: NDArray[np.bool_] | None,
        *,
        who: str,
        expected: str | None = None,
        client_id: str = "",
    ) -> LabelState:
        """Return the state of an image after a person has marked its defect; it is on the disk by then.

        Parameters
        ----------
        mask : (h, w) bool of the size of the image; None, or one that marks nothing, takes it away
        who, expected, client_id : see `label`

        Raises
        ------
        ConflictError : the image is in another state than `expected`.
        MaskError : the mask is of another size.
        OutputError : it cannot be written.
        """
        return answering.give_mask(
            self._review, image_id, mask, who=who, expected=expected, client_id=client_id
        )

    def disagreements(self) -> list[Disagreement]:
        """Return images that one calls good and another defective."""
        return answering.disagreements(self._review)

    def labeled(self) -> list[LabeledImage]:
        """Return all images that are called good or defective."""
        return exporting.labeled_images(self._review)

    def labels_csv(self) -> str:
        """Return a manifest of all labels that `defectory update` takes; see `labels_as_csv`."""
        return exporting.labels_as_csv(self._review)

    def teach(self, *, progress: Progress | None = None, use_cache: bool = True) -> Proposal:
        """Return what comes of all labels that the current bundle has not learned; see `teaching.teach`."""
        return teach(self._review, progress or NoProgress(), use_cache=use_cache)

    def proposal(self) -> Proposal | None:
        """Return the taught bundle that waits for an answer."""
        return versions.proposal_of(self._review)

    def accept(self, *, force: bool = False, version: int | None = None) -> None:
        """Let the taught bundle decide; see `versions.accept`."""
        versions.accept(self._review, force=force, version=version)

    def reject(self, *, version: int | None = None) -> None:
        """Leave the taught bundle in the history; see `versions.reject`."""
        versions.reject(self._review, version=version)

    def history(self) -> list[BundleVersion]:
        """Return the bundles that there are, the oldest first."""
        return versions.history(self._review)

    def restore(self, version: int, *, force: bool = False) -> None:
        """Let a bundle of the history decide; see `versions.restore`."""
        versions.restore(self._review, version, force=force)

    def bundle_path(self) -> Path:
        """Return the file of the current bundle."""
        return versions.current_path(self._review)

    def thresholds(self) -> Thresholds:
        """Return false-reject rates to choose from, and what each costs."""
        return threshold_options(self._review)

    def set_false_reject_rate(self, rate: float, *, prefers_estimate: bool = False) -> None:
        """Let a bundle with another promise decide; see `versions.set_false_reject_rate`."""
        versions.set_false_reject_rate(self._review, rate, prefers_estimate=prefers_estimate)

    def close(self) -> None:
        """Close the database."""
        self._review.store.close()
