"""Full disks, disks that cannot be written, and files of mine in the way."""

from tests.e2e.user_table.disk import (
    bad,
    bundle,
    csv_of,
    folder,
    good,
    link,
    mvtec,
    several,
    text,
)
from tests.e2e.user_table.expected import FIT
from tests.e2e.user_table.row import Build, Row

_PARTS = good("parts", 6)
_TEST = several(good("test/good", 3, first=100), bad("test/defect", 2))
_LABELS = csv_of("labels.csv", ["test/defect/000.png,bad"])


def _full(
    name: str,
    do: str,
    given: list[Build],
    size_kb: int,
    keeps: str = "after/",
    *,
    thorough: bool = False,
) -> Row:
    """A disk that is too small: one clear line, and nothing half-written is left on it."""
    may_leave = ["small/", "after/", keeps]
    return Row(
        name,
        do,
        given,
        1,
        ["space|full"],
        small_disk=size_kb,
        may_leave=may_leave,
        thorough=thorough,
    )


def _read_only(name: str, do: str, given: list[Build]) -> Row:
    may_leave = ["small/", "after/"]
    return Row(name, do, given, 1, ["read-only|cannot write"], small_disk=0, may_leave=may_leave)


def _mine(name: str, do: str, given: list[Build], *says: str) -> Row:
    return Row(name, do, given, 1, says)


ROWS = [
    _full("fit onto a full disk", f"fit parts -o small/b.defectory {FIT}", [_PARTS], 64),
    _full(
        "fit onto a disk with room for half a bundle",
        f"fit parts -o small/b.defectory {FIT}",
        [_PARTS],
        7000,
    ),
    _full(
        "score with heatmaps onto a full disk",
        "score parts.defectory test -o small/out --heatmaps",
        [bundle(), _TEST],
        16,
        keeps="after/out.unfinished",  # rows that are done
    ),
    _full(
        "evaluate with a report onto a full disk",
        "evaluate parts.defectory test --report small/r.html",
        [bundle(), _TEST],
        16,
    ),
    _full(
        "update onto a full disk",
        "update parts.defectory labels.csv -o small/b.defectory",
        [bundle(detector="auto"), _TEST, _LABELS],
        64,
    ),
    _full(
        "simulate onto a full disk", "simulate parts -o small/drawn --n 4 --size 64", [_PARTS], 16
    ),
    _full(
        "outliers onto a full disk",
        "outliers parts -o small/found --size 32 --slots 2",
        [good("parts", 10)],
        16,
        thorough=True,
    ),
    _read_only("fit onto a read-only disk", f"fit parts -o small/b.defectory {FIT}", [_PARTS]),
    _read_only(
        "score onto a read-only disk", "score parts.defectory test -o small/out", [bundle(), _TEST]
    ),
    _read_only(
        "a report onto a read-only disk",
        "evaluate parts.defectory test --report small/r.html",
        [bundle(), _TEST],
    ),
    _read_only(
        "simulate onto a read-only disk", "simulate parts -o small/drawn --n 2 --size 32", [_PARTS]
    ),
    _mine(
        "my thesis in the folder that --overwrite would replace",
        "score parts.defectory test -o out --overwrite",
        [bundle(), _TEST, text("out/scores.jsonl", "{}"), text("out/thesis.docx", "x")],
        "out",
    ),
    _mine(
        "the whole project folder as output",
        "score parts.defectory test -o {place} --overwrite",
        [bundle(), _TEST],
        "working directory|contains",
    ),
    _mine(
        "my home folder as output",
        "score parts.defectory test -o {place}/.. --overwrite",
        [bundle(), _TEST],
        "contains|home",
    ),
    _mine(
        "a link to my pictures as output",
        "score parts.defectory test -o out --overwrite",
        [bundle(), _TEST, good("pictures", 2), link("out", "pictures")],
        "out",
        "link",
    ),
    _mine(
        "the folder of the test images as output",
        "simulate parts -o parts/test --overwrite",
        [mvtec()],
        "inside|read",
    ),
    _mine(
        "the bundle's own folder as output",
        "score models/b.defectory test -o models --overwrite",
        [bundle("models/b.defectory"), _TEST],
        "models",
    ),
    _mine(
        "the other spelling of the input folder",
        "score parts.defectory test -o ./test/../test --overwrite",
        [bundle(), _TEST],
        "test",
    ),
    _mine(
        "a list that points out of its folder writes nothing there",
        "score parts.defectory in/list.csv -o test",
        [bundle(), _TEST, csv_of("in/list.csv", ["../test/good/100.png"], "path")],
        "test",
    ),
    Row(
        "heatmaps of images above the list's folder stay in -o",
        "score parts.defectory in/list.csv -o out --heatmaps",
        [
            bundle(),
            _TEST,
            csv_of("in/list.csv", ["../test/good/100.png", "{place}/test/good/101.png"], "path"),
        ],
        leaves=["out/scores.jsonl", "out/heatmaps/*.png"],
        may_leave=["out"],
    ),
    Row(
        "two images of one name in two folders keep two heatmaps",
        "score parts.defectory a b -o out --heatmaps",
        [bundle(), good("a", 1), good("b", 1)],
        leaves=["out/heatmaps/a/000.png*", "out/heatmaps/b/000.png*"],
        may_leave=["out"],
    ),
    Row(
        "a file of mine beside the output stays",
        f"fit parts -o out/b.defectory {FIT}",
        [_PARTS, text("out/.b.defectory.mine", "x"), folder("out/b")],
        leaves=["out/b.defectory"],
    ),
]
