"""Python, as users of scikit-learn, PyOD and pandas try it."""

from tests.e2e.user_table.disk import bad, bundle, csv_of, good, mvtec, several
from tests.e2e.user_table.python_rows import LOAD, loaded, python_row
from tests.e2e.user_table.row import Row

_NEW = several(bundle(), good("new", 3, first=40), bad("new", 2, first=60))
_PARTS = several(good("parts/good", 8), bad("parts/bad", 3))


def _fits(name: str, images: str, *says: str, code: str = "") -> Row:
    return python_row(
        name, f"m = defectory.fit({images}, **QUICK)\nprint(m)\n{code}", [_PARTS], *says
    )


ROWS = [
    _fits("fit on a folder", '"parts"', r"Model\(gaussian", "291 more|more good images"),
    _fits("fit on a Path", 'Path("parts")', r"Model\(gaussian"),
    _fits("fit on a glob", 'glob("parts/good/*.png")', r"Model\(gaussian, 8 images"),
    _fits("fit on an array", 'np.stack(arrays("parts/good"))', r"Model\(gaussian, 8 images"),
    _fits("fit on a list of arrays", 'arrays("parts/good")', r"Model\(gaussian, 8 images"),
    _fits(
        "gray arrays", '[a[:, :, 0] for a in arrays("parts/good")]', r"Model\(gaussian, 8 images"
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
    python_row(
        "predict on a folder",
        LOAD + 'p = m.predict("new"); print(len(p), p.labels, p.scores.dtype)',
        [_NEW],
        r"5 \[[01 ]+\] float64",
    ),
    python_row(
        "predict on one path", LOAD + 'print(len(m.predict("new/040.png")))', [_NEW], r"\b1\b"
    ),
    python_row(
        "predict on one array is one image",
        LOAD + 'print(len(m.predict(arrays("new")[0])))',
        [_NEW],
        r"\b1\b",
    ),
    python_row(
        "scores: higher is worse",
        loaded("""
        s = m.decision_function("new")
        print(s.shape, s[3:].min() > s[:3].max())"""),
        [_NEW],
        r"\(5,\) True",
    ),
    python_row(
        "a table for pandas",
        LOAD + 'print(sorted(m.predict("new").to_records()[0]))',
        [_NEW],
        "image",
        "is_anomalous",
        "score",
    ),
    python_row(
        "the first is the first: order is kept",
        loaded("""
        names = sorted(glob("new/*.png"), reverse=True)
        print(list(m.predict(names).names) == names)"""),
        [_NEW],
        "True",
    ),
    python_row(
        "evaluate on arrays and labels",
        loaded("""
        e = m.evaluate(arrays("new"), [0, 0, 0, 1, 1])
        print(e.n_normal, e.n_anomalous)"""),
        [_NEW],
        "3 2",
    ),
    python_row(
        "evaluate on a folder",
        LOAD + 'print(m.evaluate("parts").n_anomalous)',
        [mvtec(), bundle()],
        r"\b4\b",
    ),
    python_row(
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
    python_row(
        "another promise",
        LOAD + "print(m.with_false_reject_rate(0.5).threshold_ < m.threshold_)",
        [_NEW],
        "True",
    ),
    python_row(
        "too few images warn",
        'defectory.fit("parts", **QUICK)',
        [_PARTS],
        "DefectoryWarning",
        "good images",
    ),
    python_row(
        "eight copies of one array",
        "defectory.fit(np.stack([arrays('parts/good')[0]] * 8), **QUICK)",
        [_PARTS],
        "only 1 of the 8",
    ),
    python_row(
        "update on arrays",
        """
        m = defectory.load("parts.defectory")
        u = m.update(arrays("parts/bad"), [1, 1, 1])
        print(type(u.model).__name__, len(u.flips) >= 0)""",
        [_PARTS, bundle(detector="auto")],
        "Model True",
    ),
    python_row(
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
    python_row(
        "dir(defectory)",
        "print(dir(defectory))",
        [],
        "'fit'",
        "'load'",
        "'Model'",
        never=["importlib", "_HOMES"],
    ),
]
