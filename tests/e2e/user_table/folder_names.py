"""Folders as people name them."""

from tests.e2e.user_table.disk import bad, folder, good, mvtec, several, text
from tests.e2e.user_table.expected import FIT, counts, learned
from tests.e2e.user_table.row import Row, refused


def _folders(good_name: str, bad_name: str, options: str = "") -> Row:
    given = [good(f"parts/{good_name}", 8), bad(f"parts/{bad_name}", 4)]
    name = f"folders {good_name} and {bad_name} {options}".strip()
    return Row(name, f"inspect parts {options}".strip(), given, says=[counts(8, 4, 0)])


ROWS = [
    _folders("good", "bad"),
    _folders("OK", "NOK"),
    _folders("ok", "ng"),
    _folders("Gut", "Ausschuss"),
    _folders("iO", "niO"),
    _folders("i.O.", "n.i.O."),
    _folders("pass", "fail"),
    _folders("OK-Teile", "NOK-Teile"),
    _folders("good parts", "bad parts"),
    _folders("01_good", "02_defect"),
    _folders("0", "1"),
    _folders("GOOD", "Scratches", "--bad Scratches"),
    _folders("良品", "不良品"),
    _folders("Teile/gut", "Teile/schlecht"),
    Row(
        "defects in folders by their kind",
        "inspect parts",
        [
            good("parts/gut", 8),
            bad("parts/Ausschuss/Kratzer", 3),
            bad("parts/Ausschuss/Delle", 2, first=10),
        ],
        says=[counts(8, 5, 0), "Delle 2", "Kratzer 3"],
    ),
    refused(
        "a folder that is not understood beside one that is",
        f"fit parts -o b.defectory {FIT}",
        [good("parts/good", 8), bad("parts/Charge7", 4)],
        "Charge7",
        "--good Charge7",
        "--bad Charge7",
    ),
    Row(
        "and what the advice says works",
        f"fit parts -o b.defectory {FIT} --bad Charge7",
        [good("parts/good", 8), bad("parts/Charge7", 4)],
        says=[learned(8, left_out=4)],
        leaves=["b.defectory"],
    ),
    Row(
        "no folder says good or bad",
        f"fit parts -o b.defectory {FIT}",
        [good("parts/Montag", 5), good("parts/Dienstag", 5, first=20)],
        says=[learned(0, 10), "Montag", "unlabeled"],
        leaves=["b.defectory"],
    ),
    Row(
        "unlabeled beside good and bad",
        "inspect parts",
        [good("parts/OK", 6), bad("parts/NOK", 2), good("parts/unsortiert", 4, first=30)],
        says=[counts(6, 2, 4)],
    ),
    Row(
        "train and test with OK and NOK",
        "inspect parts",
        [
            good("parts/train/OK", 8),
            good("parts/test/OK", 3, first=50),
            bad("parts/test/NOK", 3),
        ],
        says=[counts(8, 0, 0, "train"), counts(3, 3, 0, "test")],
    ),
    Row(
        "Train and Test in capitals",
        "inspect parts",
        [
            good("parts/Train/Good", 8),
            good("parts/Test/Good", 3, first=50),
            bad("parts/Test/Bad", 3),
        ],
        says=[counts(8, 0, 0, "train"), counts(3, 3, 0, "test")],
    ),
    Row(
        "MVTec layout",
        "inspect parts",
        [mvtec()],
        says=[counts(16, 0, 0, "train"), counts(4, 4, 0, "test"), "scratch 4", "Masks 4"],
    ),
    Row(
        "one folder above the MVTec layout",
        "inspect downloads",
        [mvtec("downloads/bottle")],
        says=[counts(16, 0, 0, "train"), counts(4, 4, 0, "test")],
    ),
    Row(
        "a name that contradicts itself",
        "inspect parts",
        [good("parts/good", 6), bad("parts/good_with_scratch", 3)],
        status=1,
        says=["good_with_scratch"],
    ),
    Row(
        "not_good is not good",
        "inspect parts",
        [good("parts/good", 6), bad("parts/not_good", 3)],
        says=[counts(6, 3, 0)],
    ),
    Row(
        "defect_free is not a defect",
        "inspect parts",
        [good("parts/defect_free", 6), bad("parts/defect", 3)],
        says=[counts(6, 3, 0)],
    ),
    Row(
        "Thumbs.db, .DS_Store and desktop.ini lie about",
        "inspect parts",
        [
            good("parts/good", 6),
            text("parts/Thumbs.db", "x"),
            text("parts/good/.DS_Store", "x"),
            text("parts/desktop.ini", "x"),
        ],
        says=[counts(6, 0, 0)],
        never=["Thumbs", "DS_Store"],
    ),
    Row(
        "a copy of masks beside the images",
        "inspect parts",
        [good("parts/good", 6), bad("parts/defect", 3, first=50, masks="parts/masks")],
        says=[counts(6, 3, 0), "Masks 3"],
    ),
    Row(
        "an empty folder bad beside good",
        "inspect parts",
        [good("parts/good", 6), folder("parts/bad")],
        says=[counts(6, 0, 0)],
    ),
    Row(
        "umlauts, spaces and an emoji in folder names",
        "inspect 'Prüfteile März 🔩'",
        [several(good("Prüfteile März 🔩/gut", 6), bad("Prüfteile März 🔩/Ausschuß", 3))],
        says=[counts(6, 3, 0)],
    ),
    Row(
        "a folder inside the good one, whose name says nothing",
        "inspect parts",
        [good("parts/good", 6), bad("parts/good/scratch", 2)],
        says=[counts(8, 0, 0), "taken as good.*good/scratch"],
    ),
    refused(
        "a folder NOK inside OK",
        f"fit parts -o b.defectory {FIT}",
        [good("parts/OK", 6), bad("parts/OK/NOK", 2)],
        "OK/NOK",
    ),
    Row(
        "cameras inside OK and NOK",
        "inspect parts",
        [
            good("parts/OK/Kamera 1", 4),
            good("parts/OK/Kamera 2", 4, first=30),
            bad("parts/NOK/Kamera 1", 2),
        ],
        says=[counts(8, 2, 0)],
    ),
    Row(
        "OK and NOK inside each camera",
        "inspect parts",
        [
            good("parts/Kamera 1/OK", 4),
            good("parts/Kamera 2/OK", 4, first=30),
            bad("parts/Kamera 2/NOK", 2),
        ],
        says=[counts(8, 2, 0)],
    ),
    refused(
        "a copy of a folder by Windows",
        f"fit parts -o b.defectory {FIT}",
        [good("parts/ok", 6), good("parts/ok - Kopie", 6, first=40)],
        "ok - Kopie",
    ),
]
