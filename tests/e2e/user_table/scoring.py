"""`score`: which images, where to, and what is said of them."""

from PIL import Image

from tests.e2e.user_table.disk import (
    bad,
    bundle,
    csv_of,
    data,
    good,
    image,
    link,
    picture,
    several,
)
from tests.e2e.user_table.expected import scored
from tests.e2e.user_table.row import Build, Row

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
