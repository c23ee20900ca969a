"""`fit`: what it refuses, and that nothing is lost by that."""

from tests.e2e.user_table.disk import (
    bad,
    bundle,
    data,
    folder,
    good,
    image,
    picture,
    text,
)
from tests.e2e.user_table.expected import FIT
from tests.e2e.user_table.row import refused

_DO = f"fit parts -o b.defectory {FIT}"


ROWS = [
    refused("no -o", f"fit parts {FIT}", [good("parts", 6)], "-o", "missing", status=2),
    refused(
        "data is an empty variable of the shell",
        f"fit '' -o b.defectory {FIT}",
        [good("parts", 6)],
        "empty",
        status=2,
    ),
    refused("no data", f"fit -o b.defectory {FIT}", [], "DATA", status=2),
    refused(
        "two folders",
        f"fit parts more -o b.defectory {FIT}",
        [good("parts", 6), good("more", 6)],
        "more",
        status=2,
    ),
    refused(
        "-o is a folder",
        f"fit parts -o out {FIT}",
        [good("parts", 6), folder("out")],
        "out",
        "folder|directory",
        status=1,
    ),
    refused(
        "-o ends in a slash",
        f"fit parts -o models/ {FIT}",
        [good("parts", 6)],
        "models/",
        "name of a file",
        status=2,
    ),
    refused(
        "-o lies inside the data",
        f"fit parts -o parts/b.defectory {FIT}",
        [good("parts", 6)],
        "inside",
        "parts",
    ),
    refused("-o is the data", f"fit parts -o parts {FIT}", [good("parts", 6)], "parts", status=1),
    refused(
        "-o is a picture that exists",
        f"fit parts -o a.png {FIT} --overwrite",
        [good("parts", 6), image("a.png", picture)],
        "a.png",
    ),
    refused(
        "the bundle exists already",
        _DO,
        [good("parts", 6), bundle("b.defectory")],
        "exists already",
        "--overwrite",
    ),
    refused(
        "--overwrite does not take a Word file",
        f"fit parts -o b.docx {FIT} --overwrite",
        [good("parts", 6), data("b.docx", b"PK\x03\x04 my thesis")],
        "b.docx",
    ),
    refused(
        "a bundle in place of the data",
        f"fit parts.defectory -o b.defectory {FIT}",
        [bundle()],
        "parts.defectory",
        "bundle",
    ),
    refused(
        "a .zip in place of the data",
        f"fit parts.zip -o b.defectory {FIT}",
        [data("parts.zip", b"PK\x03\x04")],
        "parts.zip",
        "unpack|neither",
    ),
    refused(
        "a PDF in place of the data",
        f"fit a.pdf -o b.defectory {FIT}",
        [data("a.pdf", b"%PDF")],
        "a.pdf",
    ),
    refused(
        "one image in place of the data",
        f"fit a.png -o b.defectory {FIT}",
        [image("a.png", picture)],
        "1 of 1",
        "at least 2",
    ),
    refused("one image in the folder", _DO, [good("parts", 1)], "at least 2"),
    refused("an empty folder", _DO, [folder("parts")], "empty"),
    refused("a folder that is not there", _DO, [good("prats", 3)], "no such file or folder: parts"),
    refused("only defects", _DO, [bad("parts/bad", 6)], "0 of 6", "at least 2"),
    refused(
        "everything in test",
        _DO,
        [good("parts/test/good", 4), bad("parts/test/bad", 4)],
        "test split",
        "train/",
    ),
    refused(
        "an image that cannot be read",
        _DO,
        [good("parts", 6), data("parts/x.png")],
        "x.png",
        "cannot read",
    ),
    refused(
        "all images broken, with --skip-unreadable",
        f"{_DO} --skip-unreadable",
        [data("parts/x.png"), data("parts/y.png")],
        "none of 2",
    ),
    refused(
        "a name of 300 letters", f"fit parts -o {'a' * 300} {FIT}", [good("parts", 6)], "too long"
    ),
    refused(
        "-o in a file",
        f"fit parts -o a.txt/b.defectory {FIT}",
        [good("parts", 6), text("a.txt", "")],
        "a.txt",
    ),
    refused(
        "-o /dev/null",
        f"fit parts -o /dev/null {FIT} --overwrite",
        [good("parts", 6)],
        "/dev/null",
        "device|is not a bundle",
    ),
]
