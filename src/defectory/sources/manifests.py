"""CSV, JSONL and Parquet manifests -> Dataset: read as people write them, saying what was assumed.

Everything that is wrong with a manifest is said at once, with line, column and value.
"""

import os
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from defectory.domain import DataError, Label, ManifestError
from defectory.sources.columns import YES_NO, Columns, find_columns, has_scores
from defectory.sources.dataset import Dataset, Sample
from defectory.sources.file_lookup import FileLookup, spellings
from defectory.sources.files import check_spreadsheet, find_manifest_layout, is_image_name
from defectory.sources.folders import SPLITS
from defectory.sources.tables import (
    Row,
    Table,
    legible,
    parse_csv,
    parse_json,
    parse_parquet,
    read_text,
)
from defectory.sources.vocabulary import USUAL, Question, Vocabulary, fold

_IS_YES = {word: value for value, word in YES_NO.items()}
LIKE_LABELS = "looks like labels: rename it to label"
"""Ends the note on a column that is ignored for its name alone."""

_MOSTLY = 0.9
_N_LOOKED_AT = 1000
_N_PROBLEMS = 10
_N_NAMED = 8


def read_manifest(path: Path, layout: str, vocabulary: Vocabulary | None) -> Dataset:
    """Return the data set of a manifest; see `read_dataset`.

    Parameters
    ----------
    layout : "csv", "jsonl" or "parquet"
    vocabulary : words for good and bad; None looks at files only, not at labels, masks and splits

    Raises
    ------
    ManifestError : it cannot be read; all its problems are listed.
    DataError : it lists no images.
    MissingExtraError : it is Parquet, and the extra `parquet` is missing.
    """
    check_spreadsheet(path)
    table = _read_table(path, layout)
    columns = find_columns(table.columns)
    if vocabulary is None:
        columns = Columns(image=columns.image)
    if columns.image is None and (table.columns or not table.problems):
        table.problems.insert(0, no_image_column(table.columns, layout))
        table.rows.clear()
    reader = _Rows(path, table, columns, vocabulary)
    samples = reader.read()
    problems = [*table.problems, *reader.problems]
    if problems:
        raise _error(path, problems)
    if not samples:
        raise DataError(f"the manifest lists no images: {path}")
    notes = (*table.notes, *reader.notes())
    return Dataset(path.parent, layout, tuple(samples), notes=notes)


def names_in_manifest(path: Path) -> list[str]:
    """Return the images and masks that a manifest lists, as names or addresses; its faults are left alone.

    Raises
    ------
    ManifestError, MissingExtraError : see `read_manifest`.
    """
    table = _read_table(path, find_manifest_layout(path))
    columns = find_columns(table.columns)
    chosen = [name for name in (columns.image, columns.mask) if name is not None]
    cells = (row.get(name, "") for _, row in table.rows for name in chosen)
    return [spellings(cell)[-1][0] for cell in cells if cell.strip()]


def _read_table(path: Path, layout: str) -> Table:
    if layout == "parquet":
        return parse_parquet(path)
    text, notes = read_text(path)
    table = (parse_csv if layout == "csv" else parse_json)(text)
    table.notes[:0] = notes
    return table


class _Rows:
    """Turns the rows of one manifest into samples, collecting what is wrong and what was assumed."""

    def __init__(
        self, path: Path, table: Table, columns: Columns, vocabulary: Vocabulary | None
    ) -> None:
        self._table, self._columns = table, columns
        self._looks_at_labels = vocabulary is not None
        self._vocabulary = vocabulary or Vocabulary()
        self._files = FileLookup(path.parent)
        self._first: dict[str, tuple[int, Sample]] = {}
        self._said: dict[str, Label] = {}
        self._unknown: dict[str, list[int]] = defaultdict(list)
        self._n_repeated = 0
        self._is_legible = True
        self._problems: list[tuple[int, str]] = []

    def read(self) -> list[Sample]:
        """Return a sample of each row that can be read; see `problems`."""
        for line, row in self._table.rows:
            sample = self._sample(line, row)
            if sample is not None:
                self._take(line, sample)
        return [sample for _, sample in self._first.values()]

    @property
    def problems(self) -> list[str]:
        """What is wrong, in the order of the lines."""
        words = [
            (lines[0], self._unknown_word(word, lines)) for word, lines in self._unknown.items()
        ]
        return [f"line {line}{text}" for line, text in sorted([*self._problems, *words])]

    def notes(self) -> list[str]:
        """Return what was assumed, a line each."""
        notes = []
        renamed = [f"{name!r} as {own}" for name, own in self._columns.read_as().items()]
        if renamed:
            notes.append(f"columns read: {', '.join(renamed)}")
        if self._columns.others:
            listed = ", ".join(map(repr, self._columns.others[:_N_NAMED]))
            more = " and more" if len(self._columns.others) > _N_NAMED else ""
            notes.append(f"columns ignored: {listed}{more}")
        if not self._is_legible:
            notes.append("text that is not UTF-8 is read as Windows-1252")
        notes += self._files.notes()
        if self._columns.label is None and self._looks_at_labels:
            notes.append("there is no column of labels: all images are taken as unlabeled")
            notes += [f"{name!r} {LIKE_LABELS}" for name in self._columns_like_labels()[:1]]
        told = [f"{w!r} = {k.name.lower()}" for w, k in self._said.items() if fold(w) not in USUAL]
        if told:
            more = f" and {len(told) - _N_NAMED} more" if len(told) > _N_NAMED else ""
            notes.append(f"labels read: {', '.join(told[:_N_NAMED])}{more}")
        if self._n_repeated:
            n = self._n_repeated
            notes.append(f"{n} row{'' if n == 1 else 's'} repeated; each image counts once")
        return notes + self._vocabulary.note_unused(self._said)

    def _columns_like_labels(self) -> list[str]:
        """Return ignored columns whose cells are nearly all words for good and bad, as far as they answer."""
        if has_scores(self._table.columns):
            return []
        return [name for name in self._columns.others if self._is_like_labels(name)]

    def _is_like_labels(self, column: str) -> bool:
        cells = (legible(row.get(column, "")) for _, row in self._table.rows[:_N_LOOKED_AT])
        read = [self._vocabulary.label_of(cell.strip()) for cell in cells]
        answers = [label for label in read if label != Label.UNLABELED]
        n_known = sum(label is not None for label in answers)
        return n_known > 0 and n_known >= _MOSTLY * len(answers)

    def _sample(self, line: int, row: Row) -> Sample | None:
        columns = self._columns
        image = self._file(line, row, columns.image or "", is_mask=False)
        mask = self._file(line, row, columns.mask, is_mask=True) if columns.mask else None
        label = self._label(line, row)
        split = self._split(line, row)
        if image is None or label is None or split is None:
            return None
        path, name = image
        group, kind, random = (
            row.get(name or "", "") for name in (columns.group, columns.type, columns.random)
        )
        return Sample(
            path=path,
            label=label,
            mask_path=mask[0] if mask else None,
            split=split,
            group=self._text(group) if group.strip() else None,
            defect_type=self._text(kind) or None,
            name=name,
            is_random=_IS_YES.get(fold(random)),
        )

    def _take(self, line: int, sample: Sample) -> None:
        first_line, first = self._first.setdefault(os.path.normpath(sample.name), (line, sample))
        if first is sample:
            return
        if first.label != sample.label:
            self._problems.append(
                (
                    line,
                    f": {sample.name!r} is {sample.label.name.lower()} here and "
                    f"{first.label.name.lower()} in line {first_line}; keep one of the two",
                )
            )
        elif _known(first) != _known(sample):
            self._problems.append(
                (
                    line,
                    f": {sample.name!r} is listed already in line {first_line}, with another "
                    "mask, split, group or type; keep one of the two",
                )
            )
        else:
            self._n_repeated += 1

    def _file(self, line: int, row: Row, column: str, *, is_mask: bool) -> tuple[Path, str] | None:
        cell = row.get(column, "")
        if not cell or (is_mask and not cell.strip()):
            if not is_mask:
                self._bad_value(line, column, "", "expected an image file")
            return None
        found = self._files.find(cell, is_mask=is_mask)
        if isinstance(found, str):
            self._bad_value(line, column, legible(cell), found)
            return None
        return found

    def _label(self, line: int, row: Row) -> Label | None:
        if self._columns.label is None:
            return Label.UNLABELED
        word = self._text(row.get(self._columns.label, "")).strip()
        label = self._vocabulary.label_of(word, self._columns.question)
        if label is None:
            self._unknown[word].append(line)
        elif word:
            self._said[word] = label
        return label

    def _split(self, line: int, row: Row) -> str | None:
        if self._columns.split is None:
            return ""
        word = self._text(row.get(self._columns.split, "")).strip()
        split = SPLITS.get(fold(word)) if word else ""
        if split is None:
            hint = "known: train, val, test, or empty"
            self._bad_value(line, self._columns.split, word, hint)
        return split

    def _text(self, cell: str) -> str:
        text = legible(cell)
        self._is_legible = self._is_legible and text == cell
        return text

    def _bad_value(self, line: int, column: str, value: str, hint: str) -> None:
        self._problems.append(
            (line, f", column {_quoted(column)}: {_quoted(value)} is not understood; {hint}")
        )

    def _unknown_word(self, word: str, lines: list[int]) -> str:
        times = f" ({len(lines)} rows)" if len(lines) > 1 else ""
        is_number = word.strip("-+").isdecimal() and self._columns.question is Question.WORD
        hint = (
            "does 1 mean good or bad? Say --good 1 --bad 0 or the like, or name the column label "
            "(1 is anomalous) or ok (1 is normal)"
            if is_number
            else "known: normal, anomalous, unlabeled, OK, NOK, ... or say --good WORD, --bad WORD"
        )
        column = self._columns.label or ""
        return f", column {_quoted(column)}: {_quoted(word)}{times} is not understood; {hint}"


def _known(sample: Sample) -> tuple[object, ...]:
    return sample.mask_path, sample.split, sample.group, sample.defect_type


def no_image_column(columns: Sequence[str], layout: str) -> str:
    """Return what is wrong with a manifest that has no column of images."""
    there = ", ".join(map(repr, columns[:_N_NAMED])) or "none"
    hint = ""
    if layout == "csv" and any(is_image_name(Path(name)) for name in columns):
        hint = ". The first line has to name the columns, such as path,label"
    return f"line 1: no column 'path' (or image, file, bild, ...); there is {there}{hint}"


def _error(path: Path, problems: list[str]) -> ManifestError:
    if len(problems) == 1:
        return ManifestError(f"{path}, {problems[0]}")
    n_more = len(problems) - _N_PROBLEMS
    more = [f"and {n_more} more"] if n_more > 0 else []
    return ManifestError(f"{path}: {len(problems)} problems", (*problems[:_N_PROBLEMS], *more))


def _quoted(text: str) -> str:
    return f"'{text}'" if text.isprintable() else repr(text)
