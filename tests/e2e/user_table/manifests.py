"""Lists of images as people have them: from Excel, from scripts, by hand."""

from tests.e2e.user_table.disk import (
    SIZE_PX,
    bad,
    csv_of,
    data,
    folder,
    good,
    image,
    several,
    text,
)
from tests.e2e.user_table.expected import FIT, counts, learned
from tests.e2e.user_table.row import Build, Row, refused

_IMAGES = several(good("img", 8), bad("img2", 3, masks="msk"))
_GOOD = [f"img/{i:03}.png" for i in range(8)]
_BAD = [f"img2/{i:03}.png" for i in range(3)]


def _lines(good_word: str, bad_word: str, by: str = ",", slash: str = "/") -> list[str]:
    rows = [f"{name}{by}{good_word}" for name in _GOOD] + [f"{n}{by}{bad_word}" for n in _BAD]
    return [row.replace("/", slash) for row in rows]


def _read(name: str, manifest: Build, *says: str, never: tuple[str, ...] = ()) -> Row:
    """A list that is read: 8 good and 3 bad images, and what was assumed."""
    given = (_IMAGES, manifest)
    return Row(name, "inspect list.csv", given, says=(counts(8, 3, 0), *says), never=never)


def _not_read(name: str, manifest: Build, *says: str, file: str = "list.csv") -> Row:
    return refused(name, f"fit {file} -o b.defectory {FIT}", [_IMAGES, manifest], *says)


ROWS = [
    _read("plain CSV with commas", csv_of("list.csv", _lines("good", "defect"))),
    _read(
        "German Excel: semicolons",
        csv_of("list.csv", _lines("OK", "NOK", ";"), "path;label"),
        "semicolon",
    ),
    _read(
        "copied out of Excel: tabs",
        csv_of("list.csv", _lines("OK", "NOK", "\t"), "path\tlabel"),
        "tab",
    ),
    _read(
        "Excel 'CSV UTF-8' with a byte order mark",
        csv_of("list.csv", _lines("OK", "NOK", ";"), "path;label", "utf-8-sig"),
    ),
    _read(
        "Excel 'Unicode text': UTF-16 with tabs",
        csv_of("list.csv", _lines("OK", "NOK", "\t"), "path\tlabel", "utf-16"),
        "UTF-16",
    ),
    _read(
        "Excel's line sep=; above",
        csv_of("list.csv", ["path;label", *_lines("OK", "NOK", ";")], "sep=;"),
    ),
    _read(
        "Windows line ends",
        text("list.csv", "path,label\r\n" + "\r\n".join(_lines("good", "bad")) + "\r\n"),
    ),
    _read(
        "Windows backslashes in paths",
        csv_of("list.csv", _lines("good", "bad", slash="\\")),
        "slash",
    ),
    _read(
        "every cell in quotes",
        csv_of(
            "list.csv",
            [",".join(f'"{c}"' for c in r.split(",")) for r in _lines("good", "bad")],
            '"path","label"',
        ),
    ),
    _read(
        "German column names and words",
        csv_of("list.csv", _lines("i.O.", "n.i.O.", ";"), "Datei;Ergebnis"),
        "Datei",
    ),
    _read(
        "more columns than needed: date, operator, a decimal comma",
        csv_of(
            "list.csv",
            [f"{row};03.11.2025;Müller;0,37" for row in _lines("OK", "NOK", ";")],
            "path;label;Datum;Prüfer;Wert",
        ),
        "ignored",
        "Datum",
    ),
    _read(
        "Latin-1 from an old tool, umlauts in a column that is not needed",
        csv_of(
            "list.csv",
            [f"{row};Müller" for row in _lines("OK", "NOK", ";")],
            "path;label;Prüfer",
            "cp1252",
        ),
    ),
    _read(
        "blank lines at the end and between",
        csv_of(
            "list.csv", [*_lines("good", "bad")[:5], "", ",", *_lines("good", "bad")[5:], "", ""]
        ),
    ),
    _read(
        "spaces around everything",
        csv_of(
            "list.csv",
            [r.replace(",", " , ") + " " for r in _lines("good", "bad")],
            " path , label ",
        ),
    ),
    _read("labels as 0 and 1", csv_of("list.csv", _lines("0", "1"))),
    _read(
        "a column ok with 1 for good",
        csv_of("list.csv", _lines("1", "0"), "path,ok"),
    ),
    _read(
        "a column is_defect with TRUE and FALSE",
        csv_of("list.csv", _lines("FALSE", "TRUE"), "path,is_defect"),
    ),
    _read(
        "the same row twice",
        csv_of("list.csv", [*_lines("good", "bad"), "img/000.png,good"]),
        "repeated|already|twice",
    ),
    _read(
        "names without their folder, which is found",
        several(
            bad("msk/once", 1, first=77),
            csv_of("list.csv", [*_lines("good", "bad")[:10], "077.png,bad"]),
        ),
        "found|folder",
    ),
    Row(
        "no label column at all",
        f"fit list.csv -o b.defectory {FIT}",
        [_IMAGES, csv_of("list.csv", _GOOD, "path")],
        says=[learned(0, 8), "unlabeled"],
        leaves=["b.defectory"],
    ),
    Row(
        "some rows are not labeled yet",
        f"fit list.csv -o b.defectory {FIT}",
        [
            _IMAGES,
            csv_of("list.csv", [f"{n},good" for n in _GOOD[:5]] + [f"{n}," for n in _GOOD[5:]]),
        ],
        says=[learned(5, 3)],
        leaves=["b.defectory"],
    ),
    Row(
        "JSON lines",
        "inspect list.jsonl",
        [
            _IMAGES,
            text("list.jsonl", "".join(f'{{"path": "{n}", "label": "good"}}\n' for n in _GOOD)),
        ],
        says=[counts(8, 0, 0)],
    ),
    Row(
        "one JSON list, as pandas writes it",
        "inspect list.json",
        [
            _IMAGES,
            text("list.json", str([{"path": n, "label": "good"} for n in _GOOD]).replace("'", '"')),
        ],
        says=[counts(8, 0, 0)],
    ),
    _not_read(
        "a path that is not there",
        csv_of("list.csv", [*_lines("good", "bad"), "img/999.png,good"]),
        "line 13",
        "999.png",
        "no such file",
    ),
    _not_read(
        "three mistakes in one list are all said",
        csv_of(
            "list.csv",
            ["img/000.png,good", "img/999.png,good", "img/001.png,prima", "img/002.png,goood"],
        ),
        "line 3",
        "line 4",
        "line 5",
        "prima",
        "goood",
    ),
    _not_read(
        "the same image good and bad",
        csv_of("list.csv", [*_lines("good", "bad"), "img/000.png,bad"]),
        "000.png",
        "line 2",
        "line 13",
    ),
    _not_read("an empty file", data("list.csv", b""), "list.csv"),
    _not_read("only the header line", text("list.csv", "path,label\n"), "no images"),
    _not_read(
        "no header line",
        csv_of("list.csv", _lines("good", "bad")[1:], _lines("good", "bad")[0]),
        "first line|header|column",
    ),
    _not_read(
        "an Excel workbook",
        data("list.xlsx", b"PK\x03\x04" + bytes(400)),
        "workbook",
        "CSV",
        file="list.xlsx",
    ),
    _not_read(
        "an Excel workbook renamed to .csv",
        data("list.csv", b"PK\x03\x04" + bytes(400)),
        "workbook",
        "CSV",
    ),
    _not_read(
        "a result column of 1 and 0, which may mean either",
        csv_of("list.csv", _lines("1", "0"), "path,result"),
        "good or bad|not understood",
        "--good",
    ),
    Row(
        "the same list with --good 1 --bad 0",
        "inspect list.csv --good 1 --bad 0",
        [_IMAGES, csv_of("list.csv", _lines("1", "0"), "path,result")],
        says=[counts(8, 3, 0)],
    ),
    _not_read(
        "a folder in place of an image",
        several(folder("img/dir"), csv_of("list.csv", [*_lines("good", "bad"), "img/dir,good"])),
        "line 13",
        "img/dir",
    ),
    _not_read(
        "a split that does not exist",
        csv_of("list.csv", [f"{row},holdout" for row in _lines("good", "bad")], "path,label,split"),
        "holdout",
        "train",
    ),
    Row(
        "masks by a column",
        "inspect list.csv",
        [
            _IMAGES,
            csv_of(
                "list.csv",
                [f"{n},good," for n in _GOOD] + [f"{n},bad,msk/{n[5:8]}_mask.png" for n in _BAD],
                "path,label,mask",
            ),
        ],
        says=[counts(8, 3, 0), "Masks 3"],
    ),
    _not_read(
        "a mask that is not there",
        csv_of(
            "list.csv",
            ["img/000.png,good,", "img/001.png,good,", "img2/000.png,bad,msk/x.png"],
            "path,label,mask",
        ),
        "line 4",
        "mask",
        "x.png",
    ),
    Row(
        "a mask of another size than its image",
        "inspect list.csv",
        [
            _IMAGES,
            image(
                "msk/small.png",
                lambda: __import__("PIL.Image").Image.new("L", (SIZE_PX // 2,) * 2, 255),
            ),
            csv_of(
                "list.csv",
                [f"{n},good," for n in _GOOD] + ["img2/000.png,bad,msk/small.png"],
                "path,label,mask",
            ),
        ],
        status=1,
        says=["mask", "size|32"],
    ),
    Row(
        "what score wrote is no list of labels",
        "inspect out/scores.csv",
        [
            _IMAGES,
            csv_of(
                "out/scores.csv",
                [f"../{n},1.5,1.9,False,0,[]," for n in _GOOD],
                "image,score,threshold,is_anomalous,n_regions,regions,error",
            ),
        ],
        says=[counts(0, 0, 8), "unlabeled"],
    ),
    _not_read("a binary file named .csv", data("list.csv", bytes(range(256)) * 4), "list.csv"),
]
