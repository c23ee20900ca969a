"""What a report shows of the images that a fit distrusted; their files may be gone by then."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from defectory.domain import ImageReadError
from defectory.domain.images import Image
from defectory.reports import SuspectContent, SuspectItem
from defectory.sources import FileImages
from defectory.workflows.suspects import CONTENT_DIGITS, RecordedSuspect, recorded_suspects

_MAX_PICTURES = 40


def describe_suspects(facts: Mapping[str, Any], root: Path) -> SuspectContent | None:
    """Return the suspects in the facts of a bundle, with pictures of the oddest; None without any.

    Parameters
    ----------
    facts : of a bundle
    root : of the data set that is at hand; the bundle's own may lie there, or in the folder above
    """
    recorded = recorded_suspects(facts)
    if not recorded:
        return None
    items = [
        SuspectItem(
            name=entry.name,
            score=entry.score,
            weight=entry.weight,
            reason=entry.reason,
            image=_picture(entry, root) if place < _MAX_PICTURES else None,
        )
        for place, entry in enumerate(recorded)
    ]
    n_total = facts.get("n_suspects", len(items))
    return SuspectContent(tuple(items), max(int(n_total), len(items)))


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
