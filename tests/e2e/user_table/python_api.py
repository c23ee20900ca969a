"""Python, as users of scikit-learn, PyOD and pandas try it."""

from collections.abc import Sequence
from textwrap import dedent

from tests.e2e.user_table.disk import bad, bundle, csv_of, data, folder, good, mvtec, several, text
from tests.e2e.user_table.row import Build, Row

_NEW = several(bundle(), good("new", 3, first=40), bad("new", 2, first=60))
_PARTS = several(good("parts/good", 8), bad("parts/bad", 3))

# Pictures as arrays, and the words with which a small fit is asked for.
_SETUP = """
from glob import glob
from PIL import Image
QUICK = dict(detector="gaussian", size=64)
def arrays(folder):
    return [np.asarray(Image.open(path)) for path in sorted(glob(folder + "/*.png"))]
"""


def _python(
    name: str,
    code: str,
    given: Sequence[Build],
    *says: str,
    status: int = 0,
    leaves: Sequence[str] = (),
    never: Sequence[str] = (),
    replaces: Sequence[str] = (),
) -> Row:
    return Row(
        name,
        _SETUP + dedent(code),
        given,
        status,
        says,
        never,
        leaves,
        python=True,
        replaces=replaces,
    )


def _fits(name: str, images: str, *says: str, code: str = "") -> Row:
    return _python(name, f"m = defectory.fit({images}, **QUICK)\nprint(m)\n{code}", [_PARTS], *says)


def _wrong(
    name: str, code: str, *says: str, given: Sequence[Build] = (_NEW, _PARTS), status: int = 1
) -> Row:
    return _python(name, code, given, *says, status=status)


_LOAD = 'm = defectory.load("parts.defectory")\n'


def _loaded(code: str) -> str:
    return _LOAD + dedent(code)


ROWS = [
    _fits("fit on a folder", '"parts"', r"Model\(gaussian", "291 more|more good images"),
    _fits("fit on a Path", 'Path("parts")', r"Model\(gaussian"),
    _fits("fit on a glob", 'glob("parts/good/*.png")', r"Model\(gaussian, 8 images"),
    _fits("fit on an array", 'np.stack(arrays("parts/good"))', r"Model\(gaussian, 8 images"),
    _fits("fit on a list of arrays", 'arrays("parts/good")', r"Model\(gaussian, 8 images"),
    _fits(
        "grey arrays", '[a[:, :, 0] for a in arrays("parts/good")]', r"Model\(gaussian, 8 images"
    ),
    _fits(
        "labels as a list of words",
        'arrays("parts/good"), ["good"] * 8',
        r"Model\(gaussian, 8 images",
    ),
    _fits(
        "labels as booleans: defective or not",
        'arrays("parts/good"), [False] * 8',
        r"Model\(gaussian, 8 images",
    ),
    _fits(
        "labels as OK and NOK",
        'arrays("parts/good") + arrays("parts/bad"), ["OK"] * 8 + ["NOK"] * 3',
        r"Model\(gaussian",
    ),
    _python(
        "predict on a folder",
        _LOAD + 'p = m.predict("new"); print(len(p), p.labels, p.scores.dtype)',
        [_NEW],
        r"5 \[[01 ]+\] float64",
    ),
    _python(
        "predict on one path", _LOAD + 'print(len(m.predict("new/040.png")))', [_NEW], r"\b1\b"
    ),
    _python(
        "predict on one array is one image",
        _LOAD + 'print(len(m.predict(arrays("new")[0])))',
        [_NEW],
        r"\b1\b",
    ),
    _python(
        "scores: higher is worse",
        _loaded("""
        s = m.decision_function("new")
        print(s.shape, s[3:].min() > s[:3].max())"""),
        [_NEW],
        r"\(5,\) True",
    ),
    _python(
        "a table for pandas",
        _LOAD + 'print(sorted(m.predict("new").to_records()[0]))',
        [_NEW],
        "image",
        "is_anomalous",
        "score",
    ),
    _python(
        "the first is the first: order is kept",
        _loaded("""
        names = sorted(glob("new/*.png"), reverse=True)
        print(list(m.predict(names).names) == names)"""),
        [_NEW],
        "True",
    ),
    _python(
        "evaluate on arrays and labels",
        _loaded("""
        e = m.evaluate(arrays("new"), [0, 0, 0, 1, 1])
        print(e.n_normal, e.n_anomalous)"""),
        [_NEW],
        "3 2",
    ),
    _python(
        "evaluate on a folder",
        _LOAD + 'print(m.evaluate("parts").n_anomalous)',
        [mvtec(), bundle()],
        r"\b4\b",
    ),
    _python(
        "save and load",
        """
        m = defectory.fit("parts", **QUICK)
        m.save("b.defectory")
        again = defectory.load("b.defectory")
        print((again.decision_function("parts/bad") == m.decision_function("parts/bad")).all())
        """,
        [_PARTS],
        "True",
        leaves=["b.defectory"],
    ),
    _python(
        "another promise",
        _LOAD + "print(m.with_false_reject_rate(0.5).threshold_ < m.threshold_)",
        [_NEW],
        "True",
    ),
    _python(
        "too few images warn",
        'defectory.fit("parts", **QUICK)',
        [_PARTS],
        "DefectoryWarning",
        "good images",
    ),
    _wrong(
        "save over an existing bundle",
        'defectory.fit("parts", **QUICK).save("parts.defectory")',
        "OutputError",
        "exists already",
        "overwrite",
    ),
    _wrong(
        "float pictures from 0 to 1",
        'defectory.fit([a / 255 for a in arrays("parts/good")], **QUICK)',
        "image 0",
        "float64",
        "255",
    ),
    _wrong(
        "channels first",
        'defectory.fit(np.stack(arrays("parts/good")).transpose(0, 3, 1, 2), **QUICK)',
        "channels",
        "last|moveaxis",
    ),
    _wrong(
        "lists of lists",
        'defectory.fit([a.tolist() for a in arrays("parts/good")], **QUICK)',
        "image 0",
        "list",
    ),
    _wrong(
        "four channels",
        'defectory.fit([np.dstack([a, a[:, :, :1]]) for a in arrays("parts/good")], **QUICK)',
        "4 channels",
        "RGB",
    ),
    _wrong(
        "16-bit pictures",
        'defectory.fit([a.astype(np.uint16) * 257 for a in arrays("parts/good")], **QUICK)',
        "uint16",
        "257|uint8",
    ),
    _wrong("None as images", "defectory.fit(None, **QUICK)", "images", "None"),
    _wrong("an empty list", "defectory.fit([], **QUICK)", "no images"),
    _wrong(
        "an empty array", "defectory.fit(np.zeros((0, 64, 64, 3), np.uint8), **QUICK)", "no images"
    ),
    _wrong("an empty path", 'defectory.fit("", **QUICK)', "images", "empty"),
    _wrong("a pattern", 'defectory.fit("parts/good/*.png", **QUICK)', "glob.glob"),
    _wrong("save into what ends like a folder", _LOAD + 'm.save("out/")', "out/", "name of a file"),
    _wrong(
        "pictures of Pillow",
        'defectory.fit([Image.fromarray(a) for a in arrays("new")])',
        "asarray",
    ),
    _wrong("a generator", 'defectory.fit(a for a in arrays("new"))', "generator", "list"),
    _wrong("one label as text", 'defectory.fit(arrays("parts/good"), "good", **QUICK)', "sequence"),
    _wrong("a time as text", 'defectory.fit("parts", time_budget="10m", **QUICK)', "number"),
    _python(
        "eight copies of one array",
        "defectory.fit(np.stack([arrays('parts/good')[0]] * 8), **QUICK)",
        [_PARTS],
        "only 1 of the 8",
    ),
    _wrong("a path that is not there", 'defectory.fit("prats", **QUICK)', "no such file", "prats"),
    _wrong(
        "one missing path among many",
        'defectory.fit(glob("parts/good/*.png") + ["gone.png"], **QUICK)',
        "gone.png",
    ),
    _wrong(
        "fewer labels than images",
        'defectory.fit(arrays("parts/good"), [0] * 7, **QUICK)',
        "7",
        "8",
    ),
    _wrong(
        "labels of scikit-learn: 1 and -1",
        """
        defectory.fit(arrays("parts/good") + arrays("parts/bad"), [1] * 8 + [-1] * 3, **QUICK)""",
        "-1",
        "0 is good|unlabeled",
    ),
    _wrong(
        "a label that is not known",
        'defectory.fit(arrays("parts/good"), ["prima"] * 8, **QUICK)',
        "prima",
    ),
    _wrong(
        "labels with a folder",
        'defectory.fit("parts", [0] * 11, **QUICK)',
        "labels",
        "list of images|folder",
    ),
    _wrong(
        "masks without labels",
        """
        defectory.fit(arrays("parts/good"), masks=[np.zeros((64, 64), bool)] * 8, **QUICK)""",
        "masks",
        "labels",
    ),
    _wrong(
        "a detector that there is not",
        'defectory.fit("parts", detector="patchcore")',
        "patchcore",
        "did you mean.*patch-memory|patch-memory",
    ),
    _wrong(
        "a rate of 5",
        'defectory.fit("parts", false_reject_rate=5, **QUICK)',
        "5",
        "between 0 and 1",
    ),
    _wrong(
        "a rate as text",
        'defectory.fit("parts", false_reject_rate="1%", **QUICK)',
        "false_reject_rate",
    ),
    _wrong(
        "a size of 100", 'defectory.fit("parts", detector="gaussian", size=100)', "multiple of 32"
    ),
    _wrong(
        "an option that there is not",
        'defectory.fit("parts", epochs=10)',
        "TypeError",
        "epochs",
        status=2,
    ),
    _wrong("predict on None", _LOAD + "m.predict(None)", "images"),
    _wrong("predict on a number", _LOAD + "m.predict(5)", "images"),
    _wrong("predict on a missing file", _LOAD + 'm.predict(["gone.png"])', "gone.png"),
    _wrong(
        "predict on a folder without images",
        _LOAD + 'm.predict("nothing")',
        "empty",
        given=[_NEW, folder("nothing")],
    ),
    _wrong(
        "predict on a broken image",
        _LOAD + 'm.predict(["x.png"])',
        "x.png",
        "cannot read",
        given=[_NEW, data("x.png")],
    ),
    _wrong("evaluate without labels", _LOAD + 'm.evaluate(arrays("new"))', "label"),
    _wrong(
        "load a file that is no bundle",
        'defectory.load("a.txt")',
        "a.txt",
        "bundle",
        given=[text("a.txt", "x")],
    ),
    _wrong("load a folder", 'defectory.load("parts")', "parts", "folder|directory"),
    _wrong("load None", "defectory.load(None)", "path|NoneType|type", status=2),
    _wrong(
        "update a detector that takes no labels",
        _LOAD + 'm.update(arrays("new"), [0, 0, 0, 1, 1])',
        "gaussian",
        "auto",
    ),
    _python(
        "update on arrays",
        """
        m = defectory.load("parts.defectory")
        u = m.update(arrays("parts/bad"), [1, 1, 1])
        print(type(u.model).__name__, len(u.flips) >= 0)""",
        [_PARTS, bundle(detector="auto")],
        "Model True",
    ),
    _python(
        "update by a list",
        """
        u = defectory.load("parts.defectory").update("labels.csv")
        print(type(u.model).__name__)""",
        [
            _PARTS,
            bundle(detector="auto"),
            csv_of("labels.csv", [f"parts/bad/{i:03}.png,NOK" for i in range(3)]),
        ],
        "Model",
    ),
    _python(
        "dir(defectory)",
        "print(dir(defectory))",
        [],
        "'fit'",
        "'load'",
        "'Model'",
        never=["importlib", "_HOMES"],
    ),
]
