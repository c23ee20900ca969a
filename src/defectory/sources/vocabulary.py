"""What people write for good and bad, in folder names, tables and lists -> Label."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from enum import Enum
from numbers import Integral, Real

import numpy as np
from numpy.typing import NDArray

from defectory.domain import DataError, Label, ParameterError
from defectory.sources import label_words

_ACCENTS = re.compile("[\u0300-\u036f]")
_CAMEL = re.compile(r"(?<=[a-zà-ÿ])(?=[A-ZÀ-Þ])")
_NO_WORD = re.compile(r"[\W_]+")
_NO_ANSWER = re.compile(r"[\s?–—-]*")
_NUMBER = re.compile(r"([+-]?\d{1,18})(?:[.,]0*)?", re.ASCII)
_MAX_NAMED = 5

USUAL = frozenset(
    [
        "good",
        "normal",
        "ok",
        "bad",
        "ng",
        "nok",
        "defect",
        "defects",
        "defective",
        "anomaly",
        "anomalies",
        "anomalous",
        "unlabeled",
        "unlabelled",
        "unknown",
    ]
)
"""Folded words that nobody needs to be told the meaning of."""


class Question(Enum):
    """What a value answers; it decides what numbers and yes or no mean."""

    WORD = "word"
    """Is it good or bad? Numbers, yes and no are not understood (folders, columns `result`)."""
    CLASS = "class"
    """Which class? 0 and false are normal, 1 and true are anomalous (columns `label`)."""
    IS_BAD = "bad"
    """Is it defective? 1, true, yes are anomalous (columns `defect`, `is_anomaly`)."""
    IS_GOOD = "good"
    """Is it good? 1, true, yes are normal (columns `ok`, `passed`)."""


def split_words(text: str) -> list[str]:
    """Return the words of a text, folded: no case, accents, punctuation; "OK-Teile" is ok, teile."""
    text = _CAMEL.sub(" ", unicodedata.normalize("NFKC", text))
    bare = _ACCENTS.sub("", unicodedata.normalize("NFD", text.casefold()))
    return [word for word in _NO_WORD.split(unicodedata.normalize("NFC", bare)) if word]


def fold(text: str) -> str:
    """Return the words of a text as one: "n.i.O." is nio, "Not OK" is notok."""
    return "".join(split_words(text))


class Vocabulary:
    """Which words mean normal, anomalous, unlabeled.

    Parameters
    ----------
    good_words, bad_words : words beside the known ones, which they overrule; see `label_words`

    Raises
    ------
    ParameterError : a word is empty, or both good and bad.
    """

    def __init__(self, good_words: Iterable[str] = (), bad_words: Iterable[str] = ()) -> None:
        self._own: dict[str, Label] = {}
        for words, label in ((good_words, Label.NORMAL), (bad_words, Label.ANOMALOUS)):
            for word in [words] if isinstance(words, str) else words:
                key = _key(str(word))
                if not key or _NO_ANSWER.fullmatch(key):
                    raise ParameterError(f"{word!r} is no word for good or bad parts")
                if self._own.setdefault(key, label) is not label:
                    raise ParameterError(f"{word!r} cannot mean both good and bad")

    def is_own(self, name: str) -> bool:
        """Whether a given word, not a known one, decides about a name."""
        key = _key(name)
        return bool(self._own) and bool({key, _without_number(key)} & self._own.keys())

    def says_more(self, name: str) -> bool:
        """Whether a name says more than good or bad: "defect_scratch" does, "NOK_2" does not."""
        return self._exact(_key(name)) is None and len(split_words(name)) > 1

    def note_unused(self, texts: Iterable[str]) -> list[str]:
        """Return a line on the given words that none of the texts holds, if there are any."""
        if not self._own:
            return []
        seen = set()
        for text in texts:
            words = split_words(text)
            starts = ["".join(words[:n]) for n in range(1, len(words) + 1)]
            seen |= {
                key for start in (_key(text), *starts) for key in (start, _without_number(start))
            }
        unused = sorted(set(self._own) - seen)
        return [f"no folder or label says {', '.join(map(repr, unused))}"] if unused else []

    def label_of(self, text: str, question: Question = Question.WORD) -> Label | None:
        """Return what a word, name or answer means; None where that is not clear."""
        key = _key(text)
        for own in (key, _without_number(key)):
            if own in self._own:
                return self._own[own]
        if not key or _NO_ANSWER.fullmatch(key):
            return Label.UNLABELED
        if "?" in text:  # "ok?" is a doubt
            return None
        answer = _answer(key, question)
        if answer is not None or _NUMBER.fullmatch(text.strip()):
            return answer
        exact = self._exact(key)
        return exact if exact is not None else self._in_name(text)

    def labels_of(self, values: Iterable[object]) -> NDArray[np.int8]:
        """Return (n,) int8 codes of words, 0 and 1, True and False, None and nan (unlabeled).

        Raises
        ------
        DataError : values that are not understood; all of them are named.
        """
        labels = [self._label_of_value(value) for value in values]
        unknown = [v for v, label in zip(values, labels, strict=True) if label is None]
        if unknown:
            named = list(dict.fromkeys(map(repr, unknown)))
            more = f" and {len(named) - _MAX_NAMED} more" if len(named) > _MAX_NAMED else ""
            raise DataError(
                f"{len(unknown)} of {len(labels)} labels are not understood: "
                f"{', '.join(named[:_MAX_NAMED])}{more}; write normal, anomalous or unlabeled, "
                "or say what they mean with good_words and bad_words"
            )
        return np.array(labels, dtype=np.int8)

    def _label_of_value(self, value: object) -> Label | None:
        if value is None or (isinstance(value, Real) and value != value):
            return Label.UNLABELED
        if isinstance(value, bool | np.bool_):
            return Label.ANOMALOUS if value else Label.NORMAL
        if isinstance(value, Integral) or (isinstance(value, Real) and float(value).is_integer()):
            value = int(float(value))
        return self.label_of(str(value), Question.CLASS)

    def _exact(self, key: str) -> Label | None:
        for word in (key, _without_number(key)):
            for known in (self._own, _EXACT):
                if word in known:
                    return known[word]
        return None

    def _in_name(self, text: str) -> Label | None:
        """Return what the first words of a name say, unless others put it in doubt."""
        words = [word for word in split_words(text) if not word.isdecimal()]
        starts = ["".join(words[:n]) for n in range(len(words) + 1)]
        n_known = next(
            (n for n in range(len(words), 0, -1) if self._exact(starts[n]) is not None), 0
        )
        stem = _stem(starts[-1])
        if stem is not None and len(stem) > len(starts[n_known]):
            n_taken = next(n for n, start in enumerate(starts) if len(start) >= len(stem))
            label: Label | None = _STEMS[stem]
        else:
            n_taken, label = n_known, self._exact(starts[n_known])
        agrees = label is not None and n_taken > 0 and self._agrees(label, words[n_taken:])
        return label if agrees else None

    def _agrees(self, label: Label, rest: Sequence[str]) -> bool:
        said = {self._word(word) for word in rest} - {None, Label.UNLABELED}
        if not said <= {label} or any(word in _NEGATIONS for word in rest):
            return False
        return label is not Label.NORMAL or all(
            word in _HARMLESS or self._word(word) is label or len(word) == 1 for word in rest
        )

    def _word(self, word: str) -> Label | None:
        stem = _stem(word)
        exact = self._exact(word)
        return exact if exact is not None or stem is None else _STEMS[stem]


def _key(text: str) -> str:
    number = _NUMBER.fullmatch(text.strip())
    if number:
        return str(int(number[1]))
    return fold(text) or text.strip()  # signs, such as a check mark


def _without_number(key: str) -> str:
    return key.rstrip("0123456789") or key


def _stem(key: str) -> str | None:
    return next((stem for stem in _STEMS if key.startswith(stem)), None)


def _answer(key: str, question: Question) -> Label | None:
    if question is Question.WORD:
        return None
    if key == "-1":
        return Label.UNLABELED
    if question is Question.CLASS:
        is_yes = {"1": True, "true": True, "0": False, "false": False}.get(key)
    else:
        is_yes = True if key in _YES else False if key in _NO else None
    if is_yes is None:
        return None
    return Label.ANOMALOUS if is_yes == (question is not Question.IS_GOOD) else Label.NORMAL


def listed(words: str) -> list[str]:
    """Return the words of an entry of `label_words`, stems with their *."""
    return [word.strip() for word in words.split(",")]


def _known(stems: bool) -> dict[str, Label]:
    kinds = (
        (label_words.GOOD, Label.NORMAL),
        (label_words.BAD, Label.ANOMALOUS),
        (label_words.UNLABELED, Label.UNLABELED),
    )
    found = {
        fold(word): label
        for table, label in kinds
        for words in table.values()
        for word in listed(words)
        if word.endswith("*") == stems
    }
    return dict(sorted(found.items(), key=lambda item: -len(item[0])))  # longest first


_EXACT, _STEMS = _known(stems=False), _known(stems=True)
_YES, _NO = ({fold(w) for w in listed(words)} for words in (label_words.YES, label_words.NO))
_NEGATIONS, _HARMLESS = (
    {fold(w) for w in listed(words)} for words in (label_words.NEGATIONS, label_words.HARMLESS)
)
