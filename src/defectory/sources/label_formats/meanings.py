"""What the words of a tool's labels say of images: good, defective, of which type."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from defectory.domain import DataError, Label
from defectory.domain.images import Mask
from defectory.sources.label_formats.annotations import AnnotatedImage
from defectory.sources.label_formats.shapes import Polygon, Shape, draw_shapes
from defectory.sources.vocabulary import Vocabulary, fold

# what tools call the rest of an image
_REST = frozenset(("background", "ignore"))


@dataclass(frozen=True)
class LabeledImage:
    """An image and what its labels mean.

    Attributes
    ----------
    name : path of the image, as the labels have it
    size : (height, width) that shapes are for; None where the labels do not say
    label : what was said of it
    defect_types : kinds of defects, the most frequent first
    shapes : what marks its defects
    is_contradicted : it is called good and defective; it counts as unlabeled
    """

    name: str
    size: tuple[int, int] | None
    label: Label
    defect_types: tuple[str, ...] = ()
    shapes: Sequence[Shape] = field(default=(), repr=False)
    is_contradicted: bool = False

    @property
    def has_boxes(self) -> bool:
        """Whether its mask is drawn from rectangles."""
        return any(isinstance(shape, Polygon) and shape.is_box for shape in self.shapes)

    def draw(self, size: tuple[int, int]) -> Mask | None:
        """Return (h, w) bool of the image's (height, width), or None where nothing is marked; MaskError."""
        if not self.shapes:
            return None
        mask = draw_shapes(self.shapes, size)
        return mask if mask.any() else None


class Meanings:
    """Turns words into labels, and remembers what it made of them.

    Parameters
    ----------
    vocabulary : which words mean good and defective; any other word of an annotation is a type of defect
    unmarked : label of images that nothing is said of

    Attributes
    ----------
    taken_as : what a word was taken for -> word -> in how many entries it came
    """

    def __init__(self, vocabulary: Vocabulary, unmarked: Label = Label.UNLABELED) -> None:
        self._vocabulary = vocabulary
        self._unmarked = unmarked
        self._known: dict[str, Label] = {}
        self.taken_as: dict[Label, Counter[str]] = defaultdict(Counter)

    def understand(self, entries: Iterable[AnnotatedImage]) -> list[LabeledImage]:
        """Return each image once, in the order of first mention; who speaks of it again, adds to it.

        Raises
        ------
        DataError : an image is labeled at several sizes.
        """
        by_name: dict[str, list[LabeledImage]] = {}
        for entry in entries:
            by_name.setdefault(entry.name, []).append(self._understand_one(entry))
        return [_together(several) for several in by_name.values()]

    def _understand_one(self, entry: AnnotatedImage) -> LabeledImage:
        verdicts = {self._label(word) for word in entry.verdicts}
        marks = [(mark, self._label(mark.word)) for mark in entry.annotations]
        words = [*entry.verdicts, *(mark.word for mark in entry.annotations)]
        for word in set(words):
            self.taken_as[self._label(word)][word] += 1
        said = verdicts | {label for _, label in marks}
        if Label.ANOMALOUS in said:
            if Label.NORMAL in verdicts:
                return LabeledImage(entry.name, entry.size, Label.UNLABELED, is_contradicted=True)
            types = Counter(word for word in words if self._is_type(word))
            ranked = tuple(word for word, _ in types.most_common())
            shapes = [
                mark.shape
                for mark, label in marks
                if label is Label.ANOMALOUS and mark.shape is not None
            ]
            return LabeledImage(entry.name, entry.size, Label.ANOMALOUS, ranked, shapes)
        if Label.NORMAL in said:
            return LabeledImage(entry.name, entry.size, Label.NORMAL)
        is_doubted = any(fold(word) not in _REST for word in words)
        return LabeledImage(
            entry.name, entry.size, Label.UNLABELED if is_doubted else self._unmarked
        )

    def _label(self, word: str) -> Label:
        if word not in self._known:
            self._known[word] = self._look_up(word)
        return self._known[word]

    def _look_up(self, word: str) -> Label:
        if not word.strip():  # drawn, but not named
            return Label.ANOMALOUS
        if fold(word) in _REST:
            return Label.UNLABELED
        label = self._vocabulary.label_of(word)
        return Label.ANOMALOUS if label is None else label

    def _is_type(self, word: str) -> bool:
        """Whether a word for a defect says more than that there is one."""
        if self._label(word) is not Label.ANOMALOUS or not word.strip():
            return False
        is_known = self._vocabulary.label_of(word) is Label.ANOMALOUS
        return not is_known or self._vocabulary.says_more(word)


def _together(several: Sequence[LabeledImage]) -> LabeledImage:
    first, *others = several
    if not others:
        return first
    said = {image.label for image in several} - {Label.UNLABELED}
    sizes = {image.size for image in several} - {None}
    if len(sizes) > 1:
        raise DataError(f"{first.name} is labeled several times, as images of several sizes")
    size = next(iter(sizes), None)
    if len(said) > 1 or any(image.is_contradicted for image in several):
        return LabeledImage(first.name, size, Label.UNLABELED, is_contradicted=True)
    types = tuple(dict.fromkeys(kind for image in several for kind in image.defect_types))
    shapes = [shape for image in several for shape in image.shapes]
    return LabeledImage(first.name, size, next(iter(said), Label.UNLABELED), types, shapes)
