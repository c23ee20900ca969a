"""`fit`: what it learns from, and what it says of that."""

from PIL import Image

from tests.e2e.user_table.disk import (
    bad,
    bundle,
    csv_of,
    data,
    good,
    image,
    link,
    moved,
    mvtec,
    picture,
    several,
    text,
)
from tests.e2e.user_table.expected import FIT, learned
from tests.e2e.user_table.row import Build, Row

_DO = f"fit parts -o b.defectory {FIT}"


def _fits(name: str, do: str, *given: Build, says: tuple[str, ...] = (), status: int = 0) -> Row:
    return Row(name, do, given, status, says, leaves=["b.defectory"])


ROWS = [
    _fits("just a folder of images", _DO, good("parts", 12), says=(learned(0, 12),)),
    _fits(
        "good and bad",
        _DO,
        good("parts/good", 8),
        bad("parts/bad", 3),
        says=(learned(8, left_out=3),),
    ),
    _fits("MVTec layout: test images are left alone", _DO, mvtec(), says=(learned(16),)),
    _fits(
        "too few for the promise is said",
        _DO,
        good("parts", 12),
        says=("299 more", "Estimated, not promised"),
    ),
    _fits(
        "JPEG, TIFF, BMP and WebP",
        _DO,
        good("parts", 3, ending="jpg"),
        good("parts", 3, first=10, ending="tif"),
        good("parts", 3, first=20, ending="bmp"),
        good("parts", 3, first=30, ending="webp"),
        says=(learned(0, 12),),
    ),
    _fits(
        "endings in capitals: .JPG, .PNG",
        _DO,
        good("parts", 4, ending="JPG"),
        good("parts", 4, first=10, ending="PNG"),
        says=(learned(0, 8),),
    ),
    _fits(
        "pictures of several sizes",
        _DO,
        good("parts", 6),
        good("parts", 6, first=20, size_px=96),
        says=(learned(0, 12),),
    ),
    _fits("the folder ends in a slash", f"fit parts/ -o b.defectory {FIT}", good("parts", 6)),
    _fits(
        "absolute paths", f"fit {{place}}/parts -o {{place}}/b.defectory {FIT}", good("parts", 6)
    ),
    _fits(
        "a link to the folder",
        f"fit here -o b.defectory {FIT}",
        good("parts", 6),
        link("here", "parts"),
    ),
    _fits("options first", f"fit {FIT} -o b.defectory parts", good("parts", 6)),
    _fits("--output in place of -o", f"fit parts --output b.defectory {FIT}", good("parts", 6)),
    _fits(
        "--detector=gaussian",
        "fit parts -o b.defectory --detector=gaussian --size=64",
        good("parts", 6),
    ),
    Row(
        "a bundle without an ending",
        f"fit parts -o model {FIT}",
        [good("parts", 6)],
        leaves=["model"],
    ),
    Row(
        "into a folder that is not there yet",
        f"fit parts -o models/2025/b.defectory {FIT}",
        [good("parts", 6)],
        leaves=["models/2025/b.defectory"],
    ),
    Row(
        "a name with umlauts and spaces",
        f"fit 'Gute Teile' -o 'Prüfung 1.defectory' {FIT}",
        [good("Gute Teile", 6)],
        leaves=["Prüfung 1.defectory"],
    ),
    _fits(
        "a ~ that no shell spells out",
        f"fit '~/user/parts' -o b.defectory {FIT}",
        good("parts", 6),
        says=(learned(0, 6),),
    ),
    Row(
        "the bundle exists already, with --overwrite",
        f"{_DO} --overwrite",
        [good("parts", 6), bundle("b.defectory")],
        says=["Wrote b.defectory"],
        replaces=["b.defectory"],
    ),
    _fits(
        "the same with --skip-unreadable",
        f"{_DO} --skip-unreadable",
        good("parts", 6),
        data("parts/x.png"),
        says=(learned(0, 6), "x.png"),
    ),
    _fits(
        "twelve copies of one picture",
        _DO,
        several(*(image(f"parts/{i}.png", picture) for i in range(12))),
        says=("cop(y|ies)|identical|same",),
    ),
    _fits(
        "all pictures black",
        _DO,
        several(*(image(f"parts/{i}.png", lambda: Image.new("RGB", (64, 64))) for i in range(6))),
        says=("plain shade|nothing to see|one shade|identical|cop",),
    ),
    _fits(
        "labels that look swapped",
        _DO,
        bad("parts/good", 3),
        good("parts/defect", 12),
        says=("swapped",),
    ),
    _fits(
        "hidden files and Thumbs.db",
        _DO,
        good("parts", 6),
        text("parts/Thumbs.db", ""),
        text("parts/.hidden.png", ""),
        says=(learned(0, 6),),
    ),
    _fits(
        "phone pictures that are skipped are said",
        _DO,
        good("parts", 6),
        data("parts/a.heic"),
        says=(learned(0, 6), r"skipped.*heic"),
    ),
    _fits(
        "file names that are not UTF-8",
        _DO,
        several(*(image(f"parts/teil_\udcfc{i}.png", lambda i=i: picture(i)) for i in range(6))),
    ),
    _fits(
        "a manifest",
        f"fit list.csv -o b.defectory {FIT}",
        good("img", 6),
        csv_of("list.csv", [f"img/{i:03}.png,good" for i in range(6)]),
        says=(learned(6),),
    ),
    _fits(
        "auto, on good and bad",
        "fit parts -o b.defectory --size 64",
        good("parts/good", 12),
        bad("parts/defect", 3),
        says=(r"12 normal, 0 unlabeled, 3 anomalous",),
    ),
    Row(
        "moved data: the bundle does not need them",
        "score b.defectory new -o out",
        [good("parts", 6), bundle("b.defectory"), moved("parts", "old"), good("new", 2, first=40)],
        says=["Scored 2 images"],
        leaves=["out/scores.jsonl"],
        may_leave=["out/*"],
    ),
]
