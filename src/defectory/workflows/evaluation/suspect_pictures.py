"""What a report shows of the images that a fit distrusted; their files may be gone by then."""

from pathlib import Path

from defectory.artifacts import BundleFacts, RecordedSuspect
from defectory.domain import CONTENT_DIGITS, ImageReadError
from defectory.domain.images import Image
from defectory.reports.suspect_content import SuspectContent, SuspectItem
from defectory.sources import FileImages

_MAX_PICTURES = 40


def describe_suspects(facts: BundleFacts, root: Path) -> SuspectContent | None:
    """Return the suspects in the facts of a bundle, with pictures of the oddest; None without any.

    Parameters
    ----------
    facts : of a bundle
    root : of the data set that is at hand; the bundle's own may lie there, or in the folder above
    """
    if not facts.suspects:
        return None
    items = [
        SuspectItem(
            name=entry.name,
            score=entry.score,
            weight=entry.weight,
            reason=entry.reason,
            image=_picture(entry, root) if place < _MAX_PICTURES else None,
        )
        for place, entry in enumerate(facts.suspects)
    ]
    return SuspectContent(tuple(items), facts.n_suspects)


def _picture(entry: RecordedSuspect, root: Path) -> Image | None:
    """Return the very image that the fit saw: another of that name would mislead."""
    for folder in (root, root.resolve().parent):
        path = folder / entry.path
        try:
            source = FileImages([path])
            if path.is_file() and source.fingerprint(0)[:CONTENT_DIGITS] == entry.content:
                return source.read([0])[0]
        except (ImageReadError, OSError, ValueError):  # ValueError: a null byte in the path
            continue
    return None
