"""`score`: what it refuses, and that nothing is lost by that."""

from tests.e2e.user_table.disk import (
    bundle,
    cut,
    data,
    folder,
    good,
    image,
    picture,
    text,
)
from tests.e2e.user_table.row import Build, Row, refused

_NEW = good("new", 3, first=40)
_DO = "score parts.defectory new -o out"


def _no(name: str, do: str, given: list[Build], *says: str, status: int = 1) -> Row:
    return refused(name, do, given, *says, status=status)


ROWS = [
    _no(
        "one broken image",
        _DO,
        [bundle(), _NEW, data("new/x.png")],
        "x.png",
        "--skip-unreadable|cannot read",
    ),
    _no(
        "a folder that is not there",
        "score parts.defectory nwe -o out",
        [bundle(), _NEW],
        "no such file",
        "nwe",
    ),
    _no(
        "a pattern that fits nothing",
        "score parts.defectory 'new/*.jpg' -o out",
        [bundle(), _NEW],
        r"new/\*\.jpg",
    ),
    _no("an empty folder", _DO, [bundle(), folder("new")], "new", "empty"),
    _no(
        "bundle and images swapped",
        "score new parts.defectory -o out",
        [bundle(), _NEW],
        "new is no bundle, but parts.defectory is",
        "BUNDLE",
    ),
    _no(
        "an image in place of the bundle",
        "score a.png new -o out",
        [image("a.png", picture), _NEW],
        "a.png",
        "not a bundle|no bundle|is an image",
    ),
    _no(
        "a list in place of the bundle",
        "score list.csv new -o out",
        [text("list.csv", "path\n"), _NEW],
        "list.csv",
        "not a bundle|no bundle",
    ),
    _no(
        "the bundle twice",
        "score parts.defectory parts.defectory -o out",
        [bundle()],
        "parts.defectory",
        "bundle",
    ),
    _no(
        "a bundle that is not there",
        "score part.defectory new -o out",
        [bundle(), _NEW],
        "no such file",
        "part.defectory",
    ),
    _no(
        "a bundle that was cut off in a copy",
        _DO,
        [bundle(), cut("parts.defectory"), _NEW],
        "parts.defectory",
        "damaged|truncated|cut off|corrupt",
    ),
    _no(
        "a bundle of 0 bytes",
        _DO,
        [data("parts.defectory", b""), _NEW],
        "parts.defectory",
        "empty|damaged|no bundle|not a bundle|truncated",
    ),
    _no(
        "a .zip in place of the bundle",
        "score a.zip new -o out",
        [data("a.zip", b"PK\x05\x06" + bytes(18)), _NEW],
        "a.zip",
        "bundle",
    ),
    _no("no -o", "score parts.defectory new", [bundle(), _NEW], "-o", "missing", status=2),
    _no("no images", "score parts.defectory -o out", [bundle()], "IMAGES", "missing", status=2),
    _no(
        "a format that there is not",
        f"{_DO} --format xlsx",
        [bundle(), _NEW],
        "xlsx",
        "csv",
        "--excel",
        status=2,
    ),
    _no("-o exists", _DO, [bundle(), _NEW, text("out/mine.txt", "x")], "mine.txt", "did not write"),
    _no(
        "-o exists and is not ours, with --overwrite",
        f"{_DO} --overwrite",
        [bundle(), _NEW, text("out/thesis.docx", "x")],
        "out",
        "not (written|what)|did not write|no folder of",
    ),
    _no(
        "-o is the folder of images",
        "score parts.defectory new -o new --overwrite",
        [bundle(), _NEW],
        "new",
    ),
    _no(
        "-o lies in the folder of images",
        "score parts.defectory new -o new/out",
        [bundle(), _NEW],
        "inside",
    ),
    _no(
        "-o is this folder",
        "score parts.defectory new -o . --overwrite",
        [bundle(), _NEW],
        "working directory|contains",
    ),
    _no(
        "-o is a file",
        "score parts.defectory new -o out.txt --overwrite",
        [bundle(), _NEW, text("out.txt", "x")],
        "out.txt",
        "file",
    ),
    _no("--heatmap in the singular", f"{_DO} --heatmap", [bundle(), _NEW], "--heatmaps", status=2),
    _no(
        "--threshold, which there is not",
        f"{_DO} --threshold 2",
        [bundle(), _NEW],
        "--threshold",
        "--false-reject-rate",
        status=2,
    ),
    _no(
        "--false-reject-rate 5",
        f"{_DO} --false-reject-rate 5",
        [bundle(), _NEW],
        "5",
        "0.05|5%",
        status=2,
    ),
]
