"""What an import understood, and what an export wrote."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_N_NAMED = 5
_N_WORDS = 12


@dataclass(frozen=True)
class ImportSummary:
    """What `import_labels` understood.

    Attributes
    ----------
    manifest : the file that `fit`, `update` and `evaluate` take
    format : of the labels
    n_entries, n_annotations : images and marks in the labels
    n_good, n_defective, n_unlabeled, n_masks : of images in the manifest
    good_words, defective_words, other_words : word of the labels -> how often; the others say nothing
    missing : names in the labels that are not among the images
    unlisted : images that are not in the labels
    notes : what else was assumed, a line each
    """

    manifest: Path
    format: str
    n_entries: int
    n_annotations: int
    n_good: int
    n_defective: int
    n_unlabeled: int
    n_masks: int
    good_words: Mapping[str, int]
    defective_words: Mapping[str, int]
    other_words: Mapping[str, int]
    missing: Sequence[str] = ()
    unlisted: Sequence[str] = ()
    notes: Sequence[str] = ()

    def explain_words(self) -> list[str]:
        """Return a line for each meaning that words have."""
        kinds = (
            ("good", self.good_words),
            ("defective", self.defective_words),
            ("nothing", self.other_words),
        )
        lines = []
        for meaning, words in kinds:
            if words:
                ranked = sorted(words.items(), key=lambda item: (-item[1], item[0]))
                told = ", ".join(f"{word or '(no name)'} ({n})" for word, n in ranked[:_N_WORDS])
                more = f" and {len(ranked) - _N_WORDS} more" if len(ranked) > _N_WORDS else ""
                lines.append(f"{meaning}: {told}{more}")
        return lines

    def explain_missing(self) -> list[str]:
        """Return a line each on images that only the labels or only the disk know."""
        lines = []
        if self.missing:
            lines.append(
                f"{_images(len(self.missing))} of the labels not found, left out: {listed(self.missing)}"
            )
        if self.unlisted:
            lines.append(
                f"{_images(len(self.unlisted))} not in the labels, unlabeled: {listed(self.unlisted)}"
            )
        return lines


@dataclass(frozen=True)
class ExportSummary:
    """What `export_labels` wrote."""

    path: Path
    n_images: int
    n_good: int
    n_defective: int
    n_unlabeled: int
    n_masks: int
    notes: Sequence[str] = ()


def listed(names: Sequence[str]) -> str:
    """Return the first names, and how many there are more."""
    more = f" and {len(names) - _N_NAMED} more" if len(names) > _N_NAMED else ""
    return ", ".join(names[:_N_NAMED]) + more


def _images(n: int) -> str:
    return "1 image" if n == 1 else f"{n:,} images"
