"""Python, where something is given that is none of what is expected."""

from collections.abc import Sequence

from tests.e2e.user_table.disk import bad, bundle, data, folder, good, several, text
from tests.e2e.user_table.python_rows import LOAD, python_row
from tests.e2e.user_table.row import Build, Row

_NEW = several(bundle(), good("new", 3, first=40), bad("new", 2, first=60))
_PARTS = several(good("parts/good", 8), bad("parts/bad", 3))


def _wrong(
    name: str, code: str, *says: str, given: Sequence[Build] = (_NEW, _PARTS), status: int = 1
) -> Row:
    return python_row(name, code, given, *says, status=status)


ROWS = [
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
    _wrong("save into what ends like a folder", LOAD + 'm.save("out/")', "out/", "name of a file"),
    _wrong(
        "pictures of Pillow",
        'defectory.fit([Image.fromarray(a) for a in arrays("new")])',
        "asarray",
    ),
    _wrong("a generator", 'defectory.fit(a for a in arrays("new"))', "generator", "list"),
    _wrong("one label as text", 'defectory.fit(arrays("parts/good"), "good", **QUICK)', "sequence"),
    _wrong("a time as text", 'defectory.fit("parts", time_budget="10m", **QUICK)', "number"),
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
    _wrong("predict on None", LOAD + "m.predict(None)", "images"),
    _wrong("predict on a number", LOAD + "m.predict(5)", "images"),
    _wrong("predict on a missing file", LOAD + 'm.predict(["gone.png"])', "gone.png"),
    _wrong(
        "predict on a folder without images",
        LOAD + 'm.predict("nothing")',
        "empty",
        given=[_NEW, folder("nothing")],
    ),
    _wrong(
        "predict on a broken image",
        LOAD + 'm.predict(["x.png"])',
        "x.png",
        "cannot read",
        given=[_NEW, data("x.png")],
    ),
    _wrong("evaluate without labels", LOAD + 'm.evaluate(arrays("new"))', "label"),
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
        LOAD + 'm.update(arrays("new"), [0, 0, 0, 1, 1])',
        "gaussian",
        "auto",
    ),
]
