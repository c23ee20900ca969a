"""Words for good and bad, as factories write them, in columns of labels and in Python."""

from tests.e2e.user_table.disk import bad, csv_of, good
from tests.e2e.user_table.expected import counts
from tests.e2e.user_table.row import Row, refused

_IMAGES = (good("a", 6), bad("b", 2))


def _words(good_word: str, bad_word: str, *options: str, head: str = "path,label") -> Row:
    """Two words in a column of labels are understood."""
    rows = [f'a/{i:03}.png,"{good_word}"' for i in range(6)]
    rows += [f'b/{i:03}.png,"{bad_word}"' for i in range(2)]
    do = " ".join(["inspect list.csv", *options])
    name = f"{head.partition(',')[2]}: {good_word} and {bad_word} {' '.join(options)}".strip()
    return Row(name, do, [*_IMAGES, csv_of("list.csv", rows, head)], says=[counts(6, 2, 0)])


def _asked(good_word: str, bad_word: str, *says: str, head: str = "path,label") -> Row:
    rows = [f'a/{i:03}.png,"{good_word}"' for i in range(6)]
    rows += [f'b/{i:03}.png,"{bad_word}"' for i in range(2)]
    name = f"{head.partition(',')[2]}: {good_word} and {bad_word} is asked about"
    return refused(name, "inspect list.csv", [*_IMAGES, csv_of("list.csv", rows, head)], *says)


ROWS = [
    _words("OK", "NOK"),
    _words("ok", "ng"),
    _words("OK", "KO"),
    _words("pass", "fail"),
    _words("PASSED", "FAILED"),
    _words("accept", "reject"),
    _words("accepted", "rejected"),
    _words("good", "scrap"),
    _words("gut", "Ausschuss"),
    _words("i.O.", "n.i.O."),
    _words("IO", "NIO"),
    _words("in Ordnung", "defekt"),
    _words("fehlerfrei", "fehlerhaft"),
    _words("Gutteil", "Schlechtteil"),
    _words("bon", "mauvais"),
    _words("conforme", "non conforme"),
    _words("bueno", "malo"),
    _words("buono", "scarto"),
    _words("良品", "不良品"),
    _words("0", "1"),
    _words("0.0", "1.0"),
    _words("false", "true"),
    _words("normal", "abnormal"),
    _words("intact", "damaged"),
    _words("nein", "ja", head="path,Fehler"),
    _words("yes", "no", head="path,OK"),
    _words("x", "y", "--good x", "--bad y"),
    _words("Klasse A", "Klasse B", "--good 'Klasse A'", "--bad 'Klasse B'"),
    _words("A", "B", "--good A", "--good C", "--bad B"),
    _words("defect-free", "defective"),
    _words("no defect", "defect"),
    _asked("A", "B", "'A'", "'B'", "--good"),
    _asked("good", "maybe", "maybe", "--good"),
    _asked("gut", "nciht gut", "nciht gut"),
    _asked("2", "3", "'2'", "'3'"),
    _asked("✅", "❌", "✅", "❌", "--good"),
    _asked("good", "ok?", "ok"),
    _asked("good", "2. Wahl", "2. Wahl"),
    _asked("+", "good", "[+]"),
    _words("✅", "❌", "--good ✅", "--bad ❌"),
    refused(
        "the same word as good and as bad",
        "inspect list.csv --good x --bad x",
        [*_IMAGES, csv_of("list.csv", ["a/000.png,x"])],
        "both|twice",
        "x",
    ),
    Row(
        "an option word that appears nowhere is said",
        "inspect list.csv --good prima",
        [*_IMAGES, csv_of("list.csv", [f"a/{i:03}.png,good" for i in range(6)])],
        says=[counts(6, 0, 0), "prima"],
    ),
]
