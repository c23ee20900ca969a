"""`inspect`: what was understood, and what is wrong with the data."""

from tests.e2e.user_table.disk import (
    bad,
    cut,
    good,
    image,
    mvtec,
    picture,
    several,
)
from tests.e2e.user_table.expected import counts
from tests.e2e.user_table.row import Build, Row


def _copies(path: str, n: int, seed: int = 0) -> Build:
    return several(*(image(f"{path}/{i}.png", lambda: picture(seed)) for i in range(n)))


ROWS = [
    Row(
        "a good data set",
        "inspect parts",
        [
            good("parts/train/good", 16),
            good("parts/test/good", 4, first=50),
            bad("parts/test/scratch", 4),
        ],
        says=[counts(16, 0, 0, "train"), counts(4, 4, 0, "test"), "0 errors|Nothing wrong"],
    ),
    Row(
        "as JSON",
        "inspect parts --json",
        [mvtec()],
        says=[r'\{ "root"', '"layout": "mvtec"', '"normal": 16'],
    ),
    Row(
        "JSON into a file by the shell",
        "defectory inspect parts --json > facts.json",
        [mvtec()],
        shell=True,
        leaves=["facts.json"],
        holds={"facts.json": [r"^\{[^\0]*\}\s*$", '"normal": 16']},
    ),
    Row(
        "too few images are said before fit",
        "inspect parts",
        [good("parts", 20)],
        says=["20 unlabeled", "299 labeled good", "--assume-good"],
    ),
    Row(
        "twelve copies of one picture",
        "inspect parts",
        [_copies("parts", 12)],
        says=["1 of 12|12 .*cop", "cop(y|ies)"],
    ),
    Row(
        "only defects",
        "inspect parts",
        [bad("parts/defect", 6)],
        status=1,
        says=["0 of 6 images", "at least 2"],
    ),
    Row(
        "only one image",
        "inspect parts",
        [good("parts", 1)],
        status=1,
        says=["1 of 1|1 image", "at least 2"],
    ),
    Row(
        "labels that look swapped",
        "inspect parts",
        [bad("parts/good", 3), good("parts/defect", 12)],
        says=[counts(3, 12, 0), "swapped"],
    ),
    Row(
        "everything is in test",
        "inspect parts",
        [good("parts/test/good", 4), bad("parts/test/scratch", 4)],
        status=1,
        says=["test split", "train"],
    ),
    Row(
        "a test split without defects",
        "inspect parts",
        [good("parts/train/good", 6), good("parts/test/good", 4, first=50)],
        says=["all 4 .*test.*normal|no (defective|anomalous)"],
    ),
    Row(
        "a half-copied JPEG",
        "inspect parts",
        [good("parts/good", 6, ending="jpg"), cut("parts/good/002.jpg")],
        status=1,
        says=["002.jpg", "truncated|cannot be read"],
    ),
    Row(
        "mixed sizes",
        "inspect parts",
        [good("parts/good", 4), good("parts/good", 4, first=20, size_px=96)],
        says=["different image sizes|2 different"],
    ),
]
