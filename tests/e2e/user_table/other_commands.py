"""Help, versions, mistyped commands and options, `demo` and `cache`."""

from tests.e2e.user_table.disk import bundle, data, folder, good, text
from tests.e2e.user_table.row import Row, refused

_PARTS = good("parts", 6)


def _says(do: str, *says: str, name: str = "") -> Row:
    return Row(name or f"defectory {do}", do, says=says)


def _typo(do: str, *says: str) -> Row:
    return refused(f"defectory {do}", do, [_PARTS], *says, status=2)


ROWS = [
    _says(
        "--help",
        "fit",
        "score",
        "evaluate",
        "inspect",
        "update",
        "outliers",
        "simulate",
        "demo",
        "cache",
    ),
    _says("-h", "Commands"),
    Row("defectory alone", "", status=2, says=["Commands", "fit"]),
    _says("--version", r"defectory, version \d+\.\d+"),
    _says("fit --help", "--false-reject-rate", "--detector", "--size"),
    _says("score -h", "--heatmaps", "--format", "--excel"),
    _says("evaluate --help", "--report"),
    _says("inspect --help", "--json", "--good"),
    _says("update --help", "LABELS"),
    _says("outliers --help", "--ratio"),
    _says("simulate --help", "--mix"),
    _says("demo --help", "solar"),
    _says("cache --help", "clear"),
    _typo("fot parts -o b.defectory", "fot", "did you mean.*fit"),
    _typo("train parts -o b.defectory", "train", "fit"),
    _typo("predict parts.defectory parts -o out", "predict", "score"),
    _typo("test parts.defectory parts", "test", "evaluate"),
    _typo("scor parts.defectory parts -o out", "scor", "did you mean.*score"),
    _typo("Fit parts -o b.defectory", "Fit", "did you mean.*fit"),
    _typo("help", "--help"),
    _typo("version", "--version"),
    _typo("--versoin", "--version"),
    _typo("-v", "-v"),
    _typo("parts", "parts", "fit|inspect|command"),
    _typo("fit parts --ouput b.defectory", "--ouput", "--output"),
    _typo("fit parts -o b.defectory --detecter gaussian", "--detecter", "--detector"),
    _typo("fit parts -o b.defectory --falsereject 0.01", "--falsereject", "--false-reject-rate"),
    _typo("fit parts -o b.defectory --false_reject_rate 0.01", "--false-reject-rate"),
    _typo("fit parts -o b.defectory --size", "--size"),
    _typo("fit parts -o", "-o"),
    _typo("fit parts -o b.defectory -detector gaussian", "-d"),
    _typo("fit parts b.defectory", "b.defectory|-o"),
    _typo("fit parts -o b.defectory --gpu", "--gpu"),
    _typo("fit parts -o b.defectory --epochs 10", "--epochs"),
    _typo("inspect", "DATA"),
    _typo("inspect parts more", "more"),
    _typo("inspect parts --jsno", "--jsno", "--json"),
    _typo("evaluate", "BUNDLE"),
    refused(
        "demo with a detector that there is not",
        "demo --detector patchcore",
        [],
        "patch-memory",
        status=2,
    ),
    refused("demo with an argument", "demo parts", [_PARTS], "parts", status=2),
    refused(
        "demo into a folder of mine",
        "demo",
        [text("demo/mine.txt", "x")],
        "demo",
        "exists|did not write",
    ),
    refused("demo into a file", "demo -o a.txt", [text("a.txt", "x")], "a.txt", "file"),
    Row("cache shows how large it is", "cache", says=[r"\d.*(B|kB|MB|GB)\b", "/"]),
    refused("cache of nothing", "cache parts", [_PARTS], "parts", status=2),
    Row(
        "an emptied cache, and a fit after that",
        "defectory cache clear && defectory fit parts -o b.defectory --detector gaussian --size 64",
        [_PARTS],
        shell=True,
        env={"XDG_CACHE_HOME": "{place}/cache"},
        says=["Removed 0 files"],
        leaves=["b.defectory", "cache"],
    ),
    Row(
        "the cache cannot be written: said once, no harm",
        "fit parts -o b.defectory --detector gaussian --size 64",
        [_PARTS, text("cache", "a file")],
        process=True,
        env={"XDG_CACHE_HOME": "{place}/cache"},
        says=["Learned from 6", "cache"],
        leaves=["b.defectory"],
        thorough=True,  # the backbone is converted; so it is above
    ),
    Row(
        "--no-cache keeps nothing",
        "fit parts -o b.defectory --detector gaussian --size 64 --no-cache",
        [_PARTS],
        says=["Learned from 6"],
        leaves=["b.defectory"],
    ),
    Row(
        "a closed pipe: inspect | head -1",
        "defectory inspect parts | head -1",
        [_PARTS],
        shell=True,
        says=["Data set"],
    ),
    Row(
        "a terminal in C, umlauts in names",
        "inspect teile",
        [good("teile/prüf", 4)],
        process=True,
        env={"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"},
        says=["teile"],
    ),
    Row(
        "a console in cp1252, Chinese folder names",
        "inspect parts",
        [good("parts/良品", 4)],
        process=True,
        env={"PYTHONIOENCODING": "cp1252"},
        says=[r"4 0 0 4"],
    ),
    Row(
        "progress in a pipe: lines, not bars",
        "score parts.defectory parts -o out",
        [bundle(), _PARTS],
        process=True,
        says=["Scored 6"],
        leaves=["out/scores.jsonl"],
        may_leave=["out"],
        never=["\x1b"],
    ),
    Row(
        "no HOME",
        "fit parts -o b.defectory --detector gaussian --size 64",
        [_PARTS],
        process=True,
        env={"HOME": ""},
        says=["Learned from 6"],
        leaves=["b.defectory"],
    ),
    Row("python -m defectory", "--version", process=True, says=["version"]),
    refused(
        "a command with a Word file", "inspect a.docx", [data("a.docx", b"PK\x03\x04")], "a.docx"
    ),
    refused("cache with a word", "cache claer", [folder("x")], "claer", status=2),
]
