"""Labels of a review as others take them."""

import csv
import io
from pathlib import Path

from defectory.projects import last_answers
from defectory.projects.answers import labeling_answer
from defectory.projects.images import read_image_rows
from defectory.projects.mask_files import mask_path
from defectory.sources.columns import COLUMNS
from defectory.workflows.reviewing.facts import LabeledImage
from defectory.workflows.reviewing.open_review import OpenReview


def labeled_images(review: OpenReview) -> list[LabeledImage]:
    """Return all images that are called good or defective, by number; masks of defective ones only."""
    found = []
    with review.store.reading() as connection:
        answers = last_answers(connection)
        for image in read_image_rows(connection):
            last = answers.get(image.id)
            if last is None or last.value not in ("good", "defective"):
                continue
            mask = last.mask if last.value == "defective" else None
            label = labeling_answer(connection, last)
            found.append(
                LabeledImage(
                    id=image.id,
                    name=image.name,
                    path=str(image.path),
                    value=last.value,
                    defect_type=last.defect_type,
                    mask_path=mask and str(mask_path(review.folder.absolute(), mask)),
                    who=label.who,
                    when=label.at,
                )
            )
    return found


def labels_as_csv(review: OpenReview) -> str:
    """Return a manifest with absolute paths that `defectory update` takes.

    Bytes of a path that are no text are surrogates: encode it with "surrogateescape".
    """
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS)
    writer.writeheader()
    for image in labeled_images(review):
        writer.writerow(
            {
                "path": Path(image.path).as_posix(),
                "label": "normal" if image.value == "good" else "anomalous",
                "mask": "" if image.mask_path is None else Path(image.mask_path).as_posix(),
                "type": image.defect_type,
            }
        )
    return text.getvalue()
