"""Maps and outlines of a review's images."""

from defectory.domain.images import Mask
from defectory.domain.scores import AnomalyMap
from defectory.projects.bundle_versions import current_version
from defectory.projects.images import ImageRow, read_image_row
from defectory.reports.content import HeatScale
from defectory.workflows.heat_scale import heat_scale_of
from defectory.workflows.overlays import outline
from defectory.workflows.reviewing.open_review import OpenReview
from defectory.workflows.reviewing.scoring import map_of


def row_of(review: OpenReview, image_id: int) -> ImageRow:
    """Return where an image lies, what its file held, and its size; MissingImageError."""
    with review.store.reading() as connection:
        return read_image_row(connection, image_id)


def version_of(review: OpenReview) -> int:
    """Return the number of the current bundle."""
    with review.store.reading() as connection:
        return current_version(connection).version


def heat_of(review: OpenReview, image_id: int) -> AnomalyMap | None:
    """Return the map of an image by the current bundle, on the detector's grid, or None."""
    image = row_of(review, image_id)
    with review.store.reading() as connection:
        current = current_version(connection)
    return map_of(review, current, image)


def colors_of(review: OpenReview) -> HeatScale | None:
    """Return the colors of the current bundle's maps; None where it has none."""
    with review.store.reading() as connection:
        current = current_version(connection)
    return heat_scale_of(review.model_of(current))


def outline_of(review: OpenReview, image_id: int) -> Mask | None:
    """Return (h, w) bool, what the detector takes for defective; None where it does not localize."""
    image, heat = row_of(review, image_id), heat_of(review, image_id)
    if heat is None:
        return None
    with review.store.reading() as connection:
        current = current_version(connection)
    limit = review.model_of(current).pixel_threshold
    return outline(heat, limit, (image.height, image.width))
