"""`evaluate`: figures, and what they rest on."""

from tests.e2e.user_table.disk import (
    bad,
    bundle,
    csv_of,
    data,
    folder,
    good,
    image,
    mvtec,
    picture,
    several,
    text,
)
from tests.e2e.user_table.row import Build, Row, refused

_TEST = several(good("test/good", 5, first=100), bad("test/defect", 4, first=20))
_DO = "evaluate parts.defectory test"


def _judges(name: str, do: str, *given: Build, says: tuple[str, ...] = ()) -> Row:
    return Row(name, do, [bundle(), *given], says=says)


def _no(name: str, do: str, given: list[Build], *says: str, status: int = 1) -> Row:
    return refused(name, do, given, *says, status=status)


ROWS = [
    _judges(
        "good and defective folders",
        _DO,
        _TEST,
        says=("image_auroc", r"anomalous rejected \d of 4", r"normal rejected \d of 5"),
    ),
    _judges(
        "OK and NOK",
        "evaluate parts.defectory neu",
        good("neu/OK", 5, first=100),
        bad("neu/NOK", 4, first=20),
        says=("of 4", "of 5"),
    ),
    _judges(
        "MVTec: the test split only", "evaluate parts.defectory parts", mvtec(), says=("of 4",)
    ),
    _judges(
        "a list",
        "evaluate parts.defectory list.csv",
        _TEST,
        csv_of(
            "list.csv",
            [f"test/good/{i}.png,good" for i in range(100, 105)]
            + [f"test/defect/{i:03}.png,bad" for i in range(20, 24)],
        ),
        says=("of 4", "of 5"),
    ),
    Row(
        "report and figures",
        f"{_DO} --report r.html --json f.json",
        [bundle(), _TEST],
        leaves=["r.html", "f.json"],
        holds={"r.html": ["(?i)<!doctype html"], "f.json": ["image_auroc"]},
    ),
    _judges(
        "only good images",
        _DO,
        good("test/good", 5, first=100),
        says=("image_auroc n/a", r"normal rejected \d of 5", "no (defective|anomalous) image"),
    ),
    _judges(
        "only defective images",
        _DO,
        bad("test/defect", 5, first=20),
        says=("image_auroc n/a", r"anomalous rejected \d of 5", "no (good|normal) image"),
    ),
    _judges(
        "images that it learned from",
        _DO,
        good("test/good", 4),
        bad("test/defect", 4, first=20),
        says=("4 of 8 images were learned from",),
    ),
    _judges(
        "unlabeled ones among them",
        _DO,
        _TEST,
        good("test/unknown", 3, first=200),
        says=("of 4", "of 5"),
    ),
    _judges(
        "--false-reject-rate 20%", f"{_DO} --false-reject-rate 20%", _TEST, says=("image_auroc",)
    ),
    _judges(
        "a broken image, with --skip-unreadable",
        f"{_DO} --skip-unreadable",
        _TEST,
        data("test/good/x.png"),
        says=("x.png", "left out", "of 5"),
    ),
    _no("a broken image", _DO, [bundle(), _TEST, data("test/good/x.png")], "x.png", "cannot read"),
    _no("nothing is labeled", _DO, [bundle(), good("test", 4, first=100)], "labeled", "good/"),
    _no(
        "bundle and data swapped",
        "evaluate test parts.defectory",
        [bundle(), _TEST],
        "test",
        "BUNDLE",
    ),
    _no(
        "the report over the bundle",
        f"{_DO} --report parts.defectory",
        [bundle(), _TEST],
        "HTML",
        status=2,
    ),
    _no(
        "the report over a file of mine",
        f"{_DO} --report thesis.html",
        [bundle(), _TEST, text("thesis.html", "x")],
        "thesis.html",
    ),
    _no(
        "report and figures into one file",
        f"{_DO} --report r.html --json r.html",
        [bundle(), _TEST],
        "r.html",
    ),
    _no("the report as PDF", f"{_DO} --report r.pdf", [bundle(), _TEST], "r.pdf", "HTML", status=2),
    _no(
        "the report is a folder",
        f"{_DO} --report out",
        [bundle(), _TEST, folder("out")],
        "out",
        status=2,
    ),
    _no(
        "a mask of another size",
        "evaluate parts.defectory parts",
        [
            bundle(),
            mvtec(),
            image(
                "parts/ground_truth/scratch/000_mask.png",
                lambda: picture().convert("L").resize((32, 32)),
            ),
        ],
        "mask",
        "32",
    ),
    _no(
        "data that are not there",
        "evaluate parts.defectory tset",
        [bundle(), _TEST],
        "no such file",
        "tset",
    ),
    _no("no data", "evaluate parts.defectory", [bundle()], "DATA", "missing", status=2),
    _no("-o in place of --report", f"{_DO} -o out", [bundle(), _TEST], "-o", "--report", status=2),
    _no(
        "the train folder only, all good and learned from",
        "evaluate parts.defectory nothing",
        [bundle(), folder("nothing")],
        "empty",
    ),
]
