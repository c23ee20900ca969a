"""Which column of a manifest holds what, by its name in several languages."""

from collections.abc import Sequence
from dataclasses import dataclass

from defectory.sources.vocabulary import Question, fold

COLUMNS = ("path", "label", "mask", "split", "group", "type", "random")
"""Columns as `write_manifest` names them; only `path` is required."""

YES_NO = {True: "yes", False: "no", None: ""}
"""What a manifest says in the column `random`; None where nothing is known."""

IMAGE_NAMES = (
    "path, image path, image, file path, file, file name, image file, image name, img, img path, "
    "picture, photo, pfad, bildpfad, dateipfad, bild, bilddatei, bildname, datei, dateiname, "
    "foto, chemin, image fichier, fichier, nom du fichier, ruta, imagen, archivo, nombre de archivo, "
    "percorso, immagine, nome file, uri, name, 画像, 图像, 图片, 文件, 文件名, ファイル, ファイル名"
)
LABEL_NAMES = {
    Question.CLASS: "label, labels, class, klasse, target, ground truth, etikett, y, étiquette, "
    "classe, etiqueta, clase, etichetta, 标签, ラベル",
    Question.WORD: "result, results, status, state, verdict, judgement, judgment, quality, ergebnis, "
    "resultat, befund, bewertung, urteil, qualität, zustand, résultat, statut, état, verdict, resultado, "
    "estado, calidad, risultato, stato, esito, qualità, 结果, 判定, 結果",
    Question.IS_BAD: "is defect, is defective, is anomaly, is anomalous, is bad, is nok, is ng, "
    "defective, anomalous, anomaly, defect, bad, nok, ng, n.i.O., reject, rejected, scrap, fail, failed, "
    "defekt, fehlerhaft, fehler, ausschuss, défaut, défectueux, défectueuse, rebut, defecto, defectuoso, "
    "rechazado, difetto, difettoso, scarto, 不良, 缺陷, 欠陥",
    Question.IS_GOOD: "is good, is ok, is normal, good, ok, normal, pass, passed, accepted, i.O., gut, "
    "bestanden, bon, conforme, bueno, aprobado, buono, 良品, 合格",
}
"""What a column asks -> its names, the most telling first."""

OTHER_NAMES = {
    "mask": "mask, mask path, mask file, maske, maskenpfad, masque, máscara, maschera, ground truth mask",
    "split": "split, set, subset, partition, aufteilung",
    "group": "group, group id, gruppe, groupe, grupo, gruppo",
    "type": "type, defect type, anomaly type, kind, typ, defekttyp, fehlertyp, fehlerart, type de défaut, "
    "tipo, tipo de defecto, tipo di difetto",
    "random": "random",
}
"""Further columns -> their names."""


_SCORES = frozenset(("score", "anomalyscore", "threshold"))


@dataclass(frozen=True)
class Columns:
    """The columns of one manifest, by their names there; None where there is none.

    Attributes
    ----------
    image, label, mask, split, group, type, random : names as written
    question : what the label column asks
    others : columns that say nothing of these
    """

    image: str | None = None
    label: str | None = None
    mask: str | None = None
    split: str | None = None
    group: str | None = None
    type: str | None = None
    random: str | None = None
    question: Question = Question.CLASS
    others: tuple[str, ...] = ()

    @property
    def n_known(self) -> int:
        """How many columns are known."""
        named = (self.image, self.label, self.mask, self.split, self.group, self.type)
        return sum(name is not None for name in named)

    def read_as(self) -> dict[str, str]:
        """Return name as written -> what it is read as, where the two differ."""
        pairs = {
            "path": self.image,
            "label": self.label,
            "mask": self.mask,
            "split": self.split,
            "group": self.group,
            "type": self.type,
        }
        return {name: own for own, name in pairs.items() if name and name.strip().lower() != own}


def find_columns(names: Sequence[str]) -> Columns:
    """Return what the columns of these names hold."""
    own = {fold(name): name for name in reversed(names)}  # the first of equals
    if has_scores(names):  # a decision of `defectory score`, not a person's label
        own.pop("isanomalous", None)
    image = next((own[n] for n in _ALL_IMAGE_NAMES if n in own), None)
    label, question = None, Question.CLASS
    for name, asks in _ALL_LABEL_NAMES.items():
        if name in own and own[name] != image:
            label, question = own[name], asks
            break
    found = {
        what: next((own[n] for n in known if n in own), None)
        for what, known in _ALL_OTHER_NAMES.items()
    }
    taken = {image, label, *found.values()}
    others = tuple(name for name in names if name not in taken)
    return Columns(image, label, **found, question=question, others=others)


def has_scores(names: Sequence[str]) -> bool:
    """Return whether columns of these names hold what a model says, not a person."""
    return not _SCORES.isdisjoint(map(fold, names))


def _folded(names: str) -> list[str]:
    return [fold(name) for name in names.split(",")]


_ALL_IMAGE_NAMES = _folded(IMAGE_NAMES)
_ALL_LABEL_NAMES = {
    name: question for question, names in LABEL_NAMES.items() for name in _folded(names)
}
_ALL_OTHER_NAMES = {what: _folded(names) for what, names in OTHER_NAMES.items()}
