"""Words for good and bad mean what people mean, or are asked about."""

import math
import re
from pathlib import Path

import numpy as np
import pytest

from defectory.domain import DataError, Label, ParameterError
from defectory.sources import label_words
from defectory.sources.vocabulary import Question, Vocabulary, fold, listed

N, A, U = Label.NORMAL, Label.ANOMALOUS, Label.UNLABELED

MEANINGS = {
    N: "OK|ok|Ok_1|OK3|i.O.|IO|in Ordnung|good|GOOD |good_parts|OK-Teile|01_OK|2024-03_good|ok_front|"
    "Gut|GUT|Gutteile|fehlerfreie Teile|defect free|DefectFree|no defect|without_defects|not_anomalous|"
    "pass|PASSED|normal|Normal 2|bon|Bonne|conforme|sans défaut|bueno|sin_defectos|buono|"
    "senza difetti|良品|合格|正常|異常なし|良品1|Okay|inliers|acceptable|undamaged",
    A: "NOK|NOK_1|nok-Kratzer|N.I.O.|n.i.O.|NiO|NG|NG(1)|KO|not ok|Not_OK|notOK|nicht OK|Defect-scratch|"
    "defective|defects 0|anomalies|ABNORMAL|Ausschuß|Ausschuss|fehlerhaft|Fehler_3|defekt|"
    "beschädigt|Beschaedigt|schlecht|Schlechtteile|fail|failed_items|reject|Rejected|scrap|bad|1_bad|"
    "Défaut|défectueuses|mauvais|non conformes|Non-Conforme|defectuoso|malo|difettoso|scarto|不良|"
    "不良品|不合格|缺陷_3|異常|def_front|outliers|no good|nonok|bad_light",
    U: "unlabeled|Unlabelled|unknown|unbekannt|ungeprüft|inconnu|desconocido|?|??|-| |n/a|NaN|"
    "未知|unlabeled_2024",
    None: "Charge7|Kratzer|scratch|0|1|2|-1|ok?|good_with_scratch|ok_nok_mixed|Good/Bad|bad_or_good|"
    "defects_none|unknown_defect|normal-not|Badge|okra|default|failsafe|undefined|None|yes|true|"
    "OK nach Fehler",
}


@pytest.mark.parametrize(
    ("word", "label"), [(w, label) for label, words in MEANINGS.items() for w in words.split("|")]
)
def test_what_words_mean(word, label):
    assert Vocabulary().label_of(word) is label


@pytest.mark.parametrize(
    ("question", "normal", "anomalous", "unlabeled", "unclear"),
    [
        (Question.CLASS, "0|0.0|0,0|false|ok", "1|1.0|1,0|True|NOK", "-1||?", "2|yes|no|x"),
        (
            Question.IS_BAD,
            "0|no|nein|FALSE|none|OK",
            "1|yes|ja|x|true|wahr|NG",
            "-1||?",
            "2|scratch",
        ),
        (Question.IS_GOOD, "1|yes|ja|x|true|ok", "0|no|nein|false|nok", "-1||?", "2|scratch"),
        (Question.WORD, "ok", "ng", "", "0|1|true|false|yes|no"),
    ],
)
def test_answers_depend_on_the_question(question, normal, anomalous, unlabeled, unclear):
    for words, label in ((normal, N), (anomalous, A), (unlabeled, U), (unclear, None)):
        for word in words.split("|"):
            assert Vocabulary().label_of(word, question) is label, word


def test_words_of_a_person_go_first():
    vocabulary = Vocabulary(["Charge 7", "1", "bad"], ["scratch", "0"])
    for word, label in (
        ("charge7", N),
        ("Charge_7", N),
        ("Charge8", None),
        ("1", N),
        ("0", A),
        ("bad", N),
        ("scratch_3", A),
        ("Scratch, deep", A),
        ("ok", N),
    ):
        assert vocabulary.label_of(word) is label, word
    assert Vocabulary(good_words="Charge").label_of("Charge9") is N
    assert vocabulary.note_unused(["Charge7", "scratch3", "0"]) == [
        "no folder or label says '1', 'bad'"
    ]
    assert Vocabulary().note_unused([]) == []


@pytest.mark.parametrize(
    ("good", "bad", "message"),
    [(["A 1"], ["a1"], "cannot mean both"), ([" "], [], "is no word"), ([], ["?"], "is no word")],
)
def test_words_that_cannot_be(good, bad, message):
    with pytest.raises(ParameterError, match=message):
        Vocabulary(good, bad)


def test_labels_of_values_as_python_has_them():
    values = [
        0,
        1,
        -1,
        True,
        False,
        np.int64(1),
        1.0,
        None,
        math.nan,
        "OK",
        "n.i.O.",
        "",
        Label.NORMAL,
    ]
    codes = Vocabulary().labels_of(values)
    assert codes.tolist() == [0, 1, -1, 1, 0, 1, 1, -1, -1, 0, 1, -1, 0]
    assert codes.dtype == np.int8
    with pytest.raises(
        DataError, match=r"3 of 4 labels are not understood: 2, 'maybe', 0\.5; write"
    ):
        Vocabulary().labels_of(["ok", 2, "maybe", 0.5])


TABLES = {"good": label_words.GOOD, "bad": label_words.BAD, "unlabeled": label_words.UNLABELED}


def test_no_word_of_the_table_is_in_two_columns_and_each_means_what_its_column_says():
    labels = {"good": N, "bad": A, "unlabeled": U}
    seen = {}
    for kind, table in TABLES.items():
        for language, words in table.items():
            for word in listed(words):
                assert seen.setdefault(fold(word), kind) == kind, (language, word)
                assert Vocabulary().label_of(word.rstrip("*")) is labels[kind], (language, word)


def test_the_table_in_the_docs_is_the_table_that_is_read():
    text = (Path(__file__).parents[3] / "docs" / "data.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\w+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", text, re.MULTILINE)
    found = {
        row[0]: [listed(cell) for cell in row[1:]] for row in rows if row[0] in label_words.GOOD
    }
    assert found == {
        language: [listed(table[language]) for table in TABLES.values()]
        for language in label_words.GOOD
    }
