"""From a folder that nobody sorted to a review of it: a first fit, and all images ranked."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from defectory.domain import NoProgress, Progress
from defectory.projects import is_project
from defectory.sources import read_dataset
from defectory.storage import OutputFolder, check_outputs
from defectory.workflows.fitting.fit import fit_dataset
from defectory.workflows.fitting.options import FitOptions, FitResult
from defectory.workflows.reviewing.project import ReviewProject
from defectory.workflows.reviewing.versions import file_of


def is_review(folder: Path) -> bool:
    """Return whether a folder holds a review, and not photos to begin with."""
    return is_project(folder)


def start_review(
    photos: Path,
    folder: Path,
    options: FitOptions,
    *,
    said: Callable[[FitResult], None],
    progress: Progress | None = None,
) -> ReviewProject:
    """Return the review of a folder of images, fitted on what is there; one that is there goes on.

    Parameters
    ----------
    photos : folder or manifest; what its names say of good and bad is learned from, the rest ranked; or the
        folder of the review itself
    folder : of the review; not inside the photos, nor around them
    options : of the first fit; images that cannot be read are left out, and named in its notes
    said : told of the first fit, before the images are scored for the review

    Raises
    ------
    DataError : there are too few images to tell what is normal, or folder names are not understood; the
        folder holds the review of other photos.
    OutputError : the folder of the review is, contains or lies inside the photos; holds something else.
    """
    progress = progress or NoProgress()
    if photos == folder and is_review(folder):
        return ReviewProject.open(folder)
    first = folder / file_of(1)
    if (
        is_project(folder) and first.is_file()
    ):  # interrupted, or complete: this goes on, with new photos too
        return ReviewProject.create(folder, first, photos, progress=progress)
    dataset = read_dataset(photos, good_words=options.good_words, bad_words=options.bad_words)
    check_outputs([OutputFolder(folder, "review")], inputs=[photos, *dataset.files()])
    result = fit_dataset(dataset, replace(options, skip_unreadable=True), progress=progress)
    said(result)
    with TemporaryDirectory(prefix="defectory-") as kept:
        bundle = Path(kept) / "first.defectory"
        result.model.save(bundle)
        return ReviewProject.create(folder, bundle, photos, progress=progress)
