"""Labels of a review as others take them."""

import csv
import io
from pathlib import Path

from defectory.domain import CONTENT_DIGITS
from defectory.projects.answers import labeling_answer
from defectory.projects.mask_files import mask_path
from defectory.sources.columns import COLUMNS, YES_NO
from defectory.workflows.reviewing.asking import tell_choices_apart
from defectory.workflows.reviewing.facts import LabeledImage
from defectory.workflows.reviewing.open_review import OpenReview
from defectory.workflows.reviewing.state import read_state


def labeled_images(review: OpenReview) -> list[LabeledImage]:
    """Return all images that are called good or defective, by number; masks of defective ones only."""
    state, found = read_state(review), []
    with review.store.reading() as connection:
        chosen, drawn = tell_choices_apart(connection, state)
        for image in state.images:
            last, content = state.last(image.id), image.content[:CONTENT_DIGITS]
            if last.value not in ("good", "defective"):
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
                    group=image.part,
                    is_random=content in drawn if content in chosen | drawn else None,
                    who=label.who,
                    when=label.at,
                )
            )
    return found


def labels_as_csv(review: OpenReview) -> str:
    """Return a manifest with absolute paths that `defectory update` takes, and learns as teaching here does.

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
                "group": image.group or "",
                "type": image.defect_type,
                "random": YES_NO[image.is_random],
            }
        )
    return text.getvalue()
