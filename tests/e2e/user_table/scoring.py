"""`score`: which images, where to, and what is said of them."""

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
    link,
    picture,
    several,
    text,
)
from tests.e2e.user_table.expected import scored
from tests.e2e.user_table.row import Build, Row, refused

_NEW = good("new", 3, first=40)
_MIXED = several(good("new", 3, first=40), bad("new", 2, first=60))
_DO = "score parts.defectory new -o out"


def _scores(
    name: str,
    do: str,
    *given: Build,
    says: tuple[str, ...] = (),
    never: tuple[str, ...] = (),
    holds: tuple[str, ...] = (),
    file: str = "scores.jsonl",
) -> Row:
    return Row(
        name,
        do,
        [bundle(), *given],
        says=says,
        never=never,
        leaves=[f"out/{file}"],
        may_leave=["out"],
        holds={f"out/{file}": holds},
    )


def _no(name: str, do: str, given: list[Build], *says: str, status: int = 1) -> Row:
    return refused(name, do, given, *says, status=status)


ROWS = [
    _scores("a folder of new images", _DO, _NEW, says=(scored(3),), holds=('"image": "040.png"',)),
    _scores(
        "rejected ones are listed first, and counted",
        _DO,
        _MIXED,
        says=(scored(5), "rejected", r"accepted", r"060\.png"),
        holds=(r'^.*"060.png|"061.png',),
    ),
    _scores(
        "one image",
        "score parts.defectory a.png -o out",
        image("a.png", lambda: picture(40)),
        says=(r"Scored 1 image\b",),
    ),
    _scores(
        "several images",
        "score parts.defectory a.png b.png -o out",
        image("a.png", lambda: picture(40)),
        image("b.png", lambda: picture(41)),
        says=(scored(2),),
    ),
    _scores(
        "several folders",
        "score parts.defectory new more -o out",
        _NEW,
        good("more", 2, first=60),
        says=(scored(5),),
        holds=("new/040.png", "more/060.png"),
    ),
    _scores(
        "a pattern that the shell has left as it is",
        "score parts.defectory 'new/04*.png' -o out",
        good("new", 4, first=38),
        says=(scored(2),),
    ),
    _scores(
        "a pattern that the shell spelled out",
        "score parts.defectory new/040.png new/041.png new/042.png -o out",
        _NEW,
        says=(scored(3),),
    ),
    _scores(
        "a manifest",
        "score parts.defectory list.csv -o out",
        _NEW,
        csv_of("list.csv", ["new/040.png", "new/041.png"], "path"),
        says=(scored(2),),
    ),
    _scores(
        "folders in folders",
        _DO,
        good("new/line1", 2, first=40),
        good("new/line2/monday", 2, first=50),
        says=(scored(4),),
        holds=("line2/monday/050.png",),
    ),
    _scores(
        "names with umlauts, spaces and an emoji",
        "score parts.defectory 'Neue Teile 🔩' -o out --heatmaps",
        image("Neue Teile 🔩/Prüfling 1.png", lambda: picture(40)),
        says=(scored(1),),
        holds=("Prüfling|Pr\\\\u00fcfling",),
    ),
    _scores(
        "names that are not UTF-8",
        f"{_DO} --heatmaps",
        image("new/teil_\udcfc.png", lambda: picture(40)),
        says=(scored(1),),
    ),
    _scores(
        "a name with a new line",
        f"{_DO} --format csv",
        image("new/a\nb.png", lambda: picture(40)),
        says=(scored(1),),
        file="scores.csv",
    ),
    _scores(
        "an option between", "score --heatmaps parts.defectory new -o out", _NEW, says=("heatmap",)
    ),
    _scores(
        "as CSV",
        f"{_DO} --format csv",
        _NEW,
        file="scores.csv",
        holds=("^\ufeffimage,score,threshold",),
    ),
    _scores("--format CSV in capitals", f"{_DO} --format CSV", _NEW, file="scores.csv"),
    _scores(
        "for German Excel",
        f"{_DO} --excel",
        image("new/Prüfling.png", lambda: picture(40)),
        file="scores.csv",
        holds=("^\ufeffimage;score;", r"Prüfling\.png;-?\d+,\d+;\d+,\d+"),
    ),
    _scores("as Parquet", f"{_DO} --format parquet", _NEW, file="scores.parquet"),
    _scores("--false-reject-rate 10%", f"{_DO} --false-reject-rate 10%", _NEW, says=(scored(3),)),
    _scores("--false-reject-rate 0,1", f"{_DO} --false-reject-rate 0,1", _NEW, says=(scored(3),)),
    Row(
        "heatmaps",
        f"{_DO} --heatmaps",
        [bundle(), _MIXED],
        says=[scored(5), "heatmap"],
        leaves=["out/scores.jsonl", "out/heatmaps/060.png*", "out/heatmaps/040.png*"],
        may_leave=["out"],
    ),
    _scores(
        "another product altogether",
        _DO,
        several(
            *(
                image(f"new/{i}.png", lambda i=i: Image.effect_noise((64, 64), 90 + i))
                for i in range(12)
            )
        ),
        says=("another product",),
    ),
    _scores(
        "the same product is not called another",
        _DO,
        good("new", 12, first=40),
        never=("another product",),
    ),
    _scores(
        "pictures of another size are scored",
        _DO,
        good("new", 2, first=40, size_px=128),
        says=(scored(2),),
    ),
    _scores(
        "one broken image with --skip-unreadable",
        f"{_DO} --skip-unreadable",
        _NEW,
        data("new/x.png"),
        says=(scored(3), "1 unreadable"),
        holds=("x.png", "error"),
    ),
    _scores(
        "phone pictures are skipped, and that is said",
        _DO,
        _NEW,
        data("new/a.heic"),
        says=(scored(3), r"skipped.*heic"),
    ),
    _scores(
        "a link to the folder",
        "score parts.defectory here -o out",
        _NEW,
        link("here", "new"),
        says=(scored(3),),
    ),
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
    Row(
        "again with --overwrite",
        f"{_DO}",
        [bundle(), _NEW],
        leaves=["out/scores.jsonl"],
        may_leave=["out"],
        then=f"{_DO} --overwrite",
        then_leaves=["out"],
    ),
]
