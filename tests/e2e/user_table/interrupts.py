"""Ctrl-C, a service that is stopped, a power cut: nothing is lost, and the next run goes on."""

from tests.e2e.user_table.disk import bad, bundle, csv_of, good, several
from tests.e2e.user_table.expected import FIT
from tests.e2e.user_table.row import Build, Row, Stop

_PARTS = good("parts", 12)
_TEST = several(good("test/good", 6, first=100), bad("test/defect", 4))
_LABELS = csv_of("labels.csv", ["test/defect/000.png,bad"])
_STATUS = {"SIGINT": 130, "SIGTERM": 143, "SIGKILL": -9, "SIGHUP": 129}
_FITS = f"fit parts -o b.defectory {FIT} --no-cache"
_SCORES = "score parts.defectory test -o out --heatmaps"


def _stopped(
    name: str,
    do: str,
    given: list[Build],
    by: str,
    step: int,
    leaves: str,
    *,
    thorough: bool = False,
) -> Row:
    """Stopped in the middle: one line at most, nothing but hidden leftovers; the same command then works."""
    return Row(
        f"{by} {name}",
        do,
        given,
        _STATUS[by],
        () if by == "SIGKILL" else ("interrupt|stopped|ended",),
        may_leave=[".*", "*.unfinished", "out.unfinished"] if by == "SIGKILL" else ["*.unfinished"],
        stop=Stop(by, step),
        then=do,
        then_leaves=[leaves] if leaves else [],
        thorough=thorough,
    )


ROWS = [
    *(
        _stopped(
            f"while fit reads image {step}",
            _FITS,
            [_PARTS],
            by,
            step,
            "b.defectory",
            thorough=thorough,
        )
        for by, step, thorough in (
            ("SIGINT", 1, True),
            ("SIGINT", 8, False),
            ("SIGTERM", 1, False),
            ("SIGTERM", 8, True),
            ("SIGKILL", 3, True),
            ("SIGKILL", 11, False),
        )
    ),
    *(
        _stopped(
            f"while score is at image {step}",
            _SCORES,
            [bundle(), _TEST],
            by,
            step,
            "out",
            thorough=thorough,
        )
        for by, step, thorough in (
            ("SIGINT", 1, True),
            ("SIGINT", 5, False),
            ("SIGINT", 10, True),
            ("SIGTERM", 1, False),
            ("SIGTERM", 5, True),
            ("SIGTERM", 10, True),
            ("SIGKILL", 2, True),
            ("SIGKILL", 7, True),
            ("SIGKILL", 10, False),
        )
    ),
    *(
        _stopped(
            "while evaluate scores",
            "evaluate parts.defectory test --report r.html",
            [bundle(), _TEST],
            by,
            4,
            "r.html",
            thorough=by != "SIGTERM",
        )
        for by in ("SIGINT", "SIGTERM", "SIGKILL")
    ),
    _stopped("while inspect reads", "inspect parts", [_PARTS], "SIGINT", 4, ""),
    _stopped("while inspect reads", "inspect parts", [_PARTS], "SIGTERM", 4, "", thorough=True),
    _stopped(
        "while update learns",
        "update parts.defectory labels.csv -o b.defectory",
        [bundle(detector="auto"), _TEST, _LABELS],
        "SIGINT",
        1,
        "b.defectory",
    ),
    _stopped(
        "while simulate draws",
        "simulate parts -o drawn --n 6 --size 32",
        [_PARTS],
        "SIGINT",
        3,
        "drawn",
    ),
    _stopped(
        "while outliers reads",
        "outliers parts -o found --size 32 --slots 2",
        [_PARTS],
        "SIGTERM",
        6,
        "found",
        thorough=True,
    ),
]
