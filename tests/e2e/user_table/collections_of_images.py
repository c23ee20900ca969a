"""`outliers` and `simulate`."""

import gzip
import struct

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
    pixels,
    several,
    text,
)
from tests.e2e.user_table.row import Build, Row, refused

_PILE = several(good("pile", 10), bad("pile/more", 2))
_DO = "outliers pile -o found --size 32 --slots 2"
_SIMULATE = "simulate parts -o drawn --n 2 --size 32"
_FOUND = ("found/outliers.jsonl", "found/outliers.csv", "found/outliers.html")


def _idx(n: int) -> bytes:
    return struct.pack(">BBBBIII", 0, 0, 8, 3, n, 28, 28) + b"".join(
        pixels(i)[:28, :28, 0].tobytes() for i in range(n)
    )


def _finds(name: str, do: str, *given: Build, says: tuple[str, ...] = ()) -> Row:
    return Row(name, do, given, says=says, leaves=_FOUND, may_leave=["found"])


def _no(name: str, do: str, given: list[Build], *says: str, status: int = 1) -> Row:
    return refused(name, do, given, *says, status=status)


def _option(option: str, *says: str, status: int = 1) -> Row:
    return _no(f"outliers {option}", f"{_DO} {option}", [_PILE], *says, status=status)


def _simulated(option: str, *says: str, status: int = 1) -> Row:
    return _no(
        f"simulate {option}", f"{_SIMULATE} {option}", [good("parts", 4)], *says, status=status
    )


def _draws(name: str, do: str, *given: Build, says: tuple[str, ...] = ()) -> Row:
    leaves = ("drawn/contact-sheet.png", "drawn/simulated.json")
    return Row(name, do, given, says=says, leaves=leaves, may_leave=["drawn"])


ROWS = [
    _finds("a pile of images", _DO, _PILE, says=("of 12 images", "outliers.html")),
    _finds(
        "folders whose names mean nothing",
        _DO,
        good("pile/aaa", 5),
        good("pile/Charge7", 5, first=20),
        says=("of 10 images",),
    ),
    _finds(
        "a list",
        "outliers list.csv -o found --size 32 --slots 2",
        good("a", 8),
        csv_of("list.csv", [f"a/{i:03}.png,whatever" for i in range(8)]),
        says=("of 8 images",),
    ),
    _finds(
        "MNIST files",
        "outliers t10k-images-idx3-ubyte.gz -o found --size 32 --slots 2",
        data("t10k-images-idx3-ubyte.gz", gzip.compress(_idx(10))),
        says=("of 10 images",),
    ),
    _finds("a share to list: 25%", f"{_DO} --ratio 25%", _PILE, says=("3 of 12",)),
    _finds("a decimal comma: 0,25", f"{_DO} --ratio 0,25", _PILE, says=("3 of 12",)),
    _finds(
        "one broken image, with --skip-unreadable",
        f"{_DO} --skip-unreadable",
        _PILE,
        data("pile/x.png"),
        says=("of 12 images", "x.png"),
    ),
    _no("one broken image", _DO, [_PILE, data("pile/x.png")], "x.png", "cannot read"),
    _no("one image", _DO, [good("pile", 1)], "1 image|at least"),
    _no("outliers of an empty folder", _DO, [folder("pile")], "empty"),
    _no("outliers of nothing", _DO, [], "no such file", "pile"),
    _no(
        "a damaged MNIST file",
        "outliers t10k-images-idx3-ubyte -o found",
        [data("t10k-images-idx3-ubyte", _idx(5)[:1000])],
        "cut off|damaged|promises",
    ),
    _no(
        "a bundle in place of images",
        "outliers parts.defectory -o found",
        [bundle()],
        "parts.defectory",
    ),
    _no("outliers: no -o", "outliers pile", [_PILE], "-o", status=2),
    _no("outliers: -o exists", _DO, [_PILE, text("found/x.txt", "x")], "did not write"),
    _no("outliers: -o is the pile", "outliers pile -o pile --overwrite", [_PILE], "pile"),
    _no("outliers: -o lies in the pile", "outliers pile -o pile/found", [_PILE], "inside"),
    _option("--ratio 30", "30", "0.3|30%", status=2),
    _option("--ratio 0", "between 0 and 1|more than 0", status=2),
    _option("--slots 0", "slots"),
    _option("--slots -1", "slots"),
    _option("--n-groups 0", "group"),
    _option("--n-groups many", "many", status=2),
    _option("--size 100", "multiple of 32"),
    _option("--encoder resnet", "packaged", status=2),
    _option("--seed -1", "seed"),
    _option("--detector gaussian", "--detector", status=2),
    _draws("defects drawn on good parts", _SIMULATE, mvtec(), says=("Simulated 2 defects",)),
    _draws("on a folder of images", _SIMULATE, good("parts", 4), says=("Simulated 2 defects",)),
    _draws("sizes kept", "simulate parts -o drawn --n 2 --size 0", good("parts", 4)),
    _draws("on OK parts, not on NOK ones", _SIMULATE, good("parts/OK", 4), bad("parts/NOK", 4)),
    _draws(
        "textures of mine",
        f"{_SIMULATE} --textures rust",
        good("parts", 4),
        good("rust", 2, first=90),
    ),
    _no(
        "only defects to draw on",
        _SIMULATE,
        [bad("parts/defect", 4)],
        "no normal or unlabeled image",
    ),
    _no("simulate: an empty folder", _SIMULATE, [folder("parts")], "empty"),
    _no("simulate: nothing there", _SIMULATE, [], "no such file", "parts"),
    _no("simulate: a broken image", _SIMULATE, [data("parts/x.png")], "x.png"),
    _no("simulate: into the data", "simulate parts -o parts --overwrite", [mvtec()], "parts"),
    _no("simulate: inside the data", "simulate parts -o parts/drawn", [mvtec()], "inside"),
    _no(
        "simulate: -o exists", _SIMULATE, [good("parts", 4), text("drawn/x", "x")], "did not write"
    ),
    _no(
        "simulate: -o exists with a file of mine, --overwrite",
        f"{_SIMULATE} --overwrite",
        [good("parts", 4), text("drawn/x.docx", "x")],
        "drawn",
    ),
    _no(
        "simulate: -o is a file",
        _SIMULATE,
        [good("parts", 4), text("drawn", "x")],
        "drawn",
        "file|exists",
    ),
    _simulated("--n 0", "n is 0|at least 1"),
    _simulated("--n -3", "-3"),
    _simulated("--n many", "many", status=2),
    _simulated("--mix everything", "broad", "all", status=2),
    _simulated("--foreground bright", "bright", "auto"),
    _simulated("--foreground 300", "255"),
    _simulated("--textures nowhere", "no such file or folder: nowhere"),
    _simulated("--size -1", "size"),
    _simulated("--seed -1", "seed"),
    _draws(
        "a size that no network needs: 50",
        "simulate parts -o drawn --n 2 --size 50",
        good("parts", 4),
    ),
    _draws(
        "an animated GIF among the parts",
        _SIMULATE,
        good("parts", 3),
        image(
            "parts/a.gif",
            lambda: picture(30).convert("P"),
            save_all=True,
            append_images=[picture(31).convert("P")],
        ),
    ),
]
