"""What `Model.update` gives back."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from defectory.domain import Progress
from defectory.workflows.calibrated import CalibratedDetector
from defectory.workflows.updating import results
from defectory.workflows.updating.new_labels import check_new_labels
from defectory.workflows.updating.update import updatable, update_model

if TYPE_CHECKING:
    from defectory.api.model import Model
    from defectory.calibration import Threshold
    from defectory.sources import Dataset


@dataclass(frozen=True)
class Update:
    """A model that has taken labels, and what changed by that on images with a confirmed label.

    Attributes
    ----------
    model : Model
        with the labels; the one it came from is unchanged
    flips : tuple of CheckedImage
        images whose decision changed: `name`, `label`, scores `before` and `after`, `is_right`
    still_wrong : tuple of CheckedImage
        images that were decided wrongly before and are still
    threshold_before : Threshold
        of the model it came from
    account : tuple of str
        what there is to learn from now and what was done with it
    """

    model: "Model"
    flips: tuple[results.CheckedImage, ...]
    still_wrong: tuple[results.CheckedImage, ...]
    threshold_before: "Threshold" = field(repr=False)
    account: tuple[str, ...] = field(repr=False)


def learn_labels(
    model: CalibratedDetector, dataset: "Dataset", *, cache: bool, progress: Progress | None
) -> results.Update:
    """Return the model, which nobody else may have, with the labels of a data set; see `update_model`."""
    updatable(model.bundle.detector)
    new = check_new_labels(dataset, "update")
    return update_model(model, new, use_cache=cache, progress=progress)
