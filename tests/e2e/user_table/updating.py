"""`update`: labels that come later."""

from PIL import Image

from tests.e2e.user_table.disk import (
    bad,
    bundle,
    csv_of,
    cut,
    data,
    folder,
    good,
    image,
    several,
    text,
)
from tests.e2e.user_table.row import Build, Row, refused

_IMAGES = several(good("a", 4, first=70), bad("b", 3, first=70, masks="m"))
_GOOD = [f"a/{i:03}.png,good" for i in range(70, 74)]
_BAD = [f"b/{i:03}.png,bad" for i in range(70, 73)]
_DO = "update parts.defectory labels.csv -o better.defectory"


def _takes(name: str, labels: Build, *says: str, do: str = _DO) -> Row:
    given = [bundle(detector="auto"), _IMAGES, labels]
    return Row(name, do, given, says=says, leaves=["better.defectory"])


def _no(name: str, labels: Build, *says: str, do: str = _DO, status: int = 1) -> Row:
    return refused(name, do, [bundle(detector="auto"), _IMAGES, labels], *says, status=status)


ROWS = [
    _takes(
        "labels of both kinds",
        csv_of("labels.csv", _GOOD + _BAD),
        "7 labels",
        "4 normal, 3 anomalous",
    ),
    _takes("only good ones", csv_of("labels.csv", _GOOD), "4 labels", "4 normal, 0 anomalous"),
    _takes("only defective ones", csv_of("labels.csv", _BAD), "3 labels", "0 normal, 3 anomalous"),
    _takes("one label", csv_of("labels.csv", _BAD[:1]), r"1 label\b"),
    _takes(
        "OK and NOK from German Excel",
        csv_of(
            "labels.csv",
            [r.replace(",", ";").replace("good", "OK").replace("bad", "NOK") for r in _GOOD + _BAD],
            "Bild;Ergebnis",
        ),
        "7 labels",
    ),
    _takes(
        "with masks",
        csv_of("labels.csv", [f"{r},m/{r[2:5]}_mask.png" for r in _BAD], "path,label,mask"),
        "3 with a mask",
    ),
    _takes(
        "the list of scores with a column label that a person filled in",
        csv_of(
            "labels.csv",
            [f"{r.split(',')[0]},2.5,True,{r.split(',')[1]}" for r in _GOOD + _BAD],
            "image,score,is_anomalous,label",
        ),
        "7 labels",
    ),
    _takes(
        "rows that are not answered yet", csv_of("labels.csv", [*_BAD, "a/070.png,"]), "3 labels"
    ),
    _takes(
        "as JSON",
        csv_of("labels.csv", _GOOD + _BAD),
        r'\{ "n_labels"',
        '"n_labels": 7',
        do=f"{_DO} --json",
    ),
    _no(
        "a picture of the test split",
        csv_of("labels.csv", [f"{r},test" for r in _BAD], "path,label,split"),
        "test",
    ),
    _no(
        "no label at all",
        csv_of("labels.csv", ["a/070.png,", "a/071.png,"]),
        "normal or anomalous|no label|label",
    ),
    _no("no label column", csv_of("labels.csv", ["a/070.png"], "path"), "label"),
    _no("an empty list", csv_of("labels.csv", []), "no images"),
    _no("words that are not understood", csv_of("labels.csv", ["a/070.png,prima"]), "prima"),
    _no("a picture that is not there", csv_of("labels.csv", ["a/999.png,good"]), "999.png"),
    _no(
        "one picture, both labels",
        csv_of("labels.csv", ["a/070.png,good", "a/070.png,bad"]),
        "070.png",
    ),
    _no(
        "a broken picture",
        several(data("a/x.png"), csv_of("labels.csv", ["a/x.png,good"])),
        "x.png",
    ),
    _no(
        "a mask on a good part",
        csv_of("labels.csv", ["a/070.png,good,m/070_mask.png"], "path,label,mask"),
        "070",
        "mask",
    ),
    _no(
        "an empty mask",
        several(
            image("m/e.png", lambda: Image.new("L", (64, 64))),
            csv_of("labels.csv", ["b/070.png,bad,m/e.png"], "path,label,mask"),
        ),
        "e.png",
        "nothing",
    ),
    _no(
        "a mask of another size",
        several(
            image("m/e.png", lambda: Image.new("L", (32, 32), 255)),
            csv_of("labels.csv", ["b/070.png,bad,m/e.png"], "path,label,mask"),
        ),
        "32",
    ),
    _no(
        "a folder in place of the list",
        folder("more"),
        "manifest|list|csv",
        do="update parts.defectory a -o better.defectory",
    ),
    _no(
        "bundle and list swapped",
        csv_of("labels.csv", _BAD),
        "BUNDLE|bundle",
        do="update labels.csv parts.defectory -o better.defectory",
    ),
    _no(
        "the bundle as its own output",
        csv_of("labels.csv", _BAD),
        "parts.defectory",
        do="update parts.defectory labels.csv -o parts.defectory",
    ),
    _no(
        "the bundle as its own output, with --overwrite",
        csv_of("labels.csv", _BAD),
        "parts.defectory",
        do="update parts.defectory labels.csv -o parts.defectory --overwrite",
    ),
    _no(
        "the list as output",
        csv_of("labels.csv", _BAD),
        "labels.csv",
        do="update parts.defectory labels.csv -o labels.csv --overwrite",
    ),
    _no(
        "no -o", csv_of("labels.csv", _BAD), "-o", do="update parts.defectory labels.csv", status=2
    ),
    _no(
        "no list", folder("x"), "LABELS", do="update parts.defectory -o better.defectory", status=2
    ),
    _no(
        "an Excel workbook",
        data("labels.xlsx", b"PK\x03\x04" + bytes(99)),
        "workbook|Excel",
        "CSV",
        do="update parts.defectory labels.xlsx -o better.defectory",
    ),
    refused(
        "a bundle of another detector",
        _DO,
        [bundle(), _IMAGES, csv_of("labels.csv", _BAD)],
        "gaussian",
        "auto",
    ),
    refused(
        "a bundle that was cut off",
        _DO,
        [bundle(detector="auto"), cut("parts.defectory"), _IMAGES, csv_of("labels.csv", _BAD)],
        "parts.defectory",
    ),
    refused(
        "an output that exists",
        _DO,
        [
            bundle(detector="auto"),
            _IMAGES,
            csv_of("labels.csv", _BAD),
            text("better.defectory", "x"),
        ],
        "exists and is not a bundle|exists already",
    ),
]
