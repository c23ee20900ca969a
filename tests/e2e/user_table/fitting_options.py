"""Options of `fit` as people write them: shares, sizes, names."""

from tests.e2e.user_table.disk import (
    good,
)
from tests.e2e.user_table.expected import FIT
from tests.e2e.user_table.row import Build, Row, refused

_DO = f"fit parts -o b.defectory {FIT}"


def _fits(name: str, do: str, *given: Build, says: tuple[str, ...] = (), status: int = 0) -> Row:
    return Row(name, do, given, status, says, leaves=["b.defectory"])


def _option(option: str, *says: str, status: int = 1) -> Row:
    return refused(
        option, f"fit parts -o b.defectory {FIT} {option}", [good("parts", 6)], *says, status=status
    )


ROWS = [
    _fits(
        "1 % as people write it",
        f"{_DO} --false-reject-rate 1%",
        good("parts", 6),
        says=(r"1(\.00)? ?%",),
    ),
    _fits(
        "5 % with a space",
        f"{_DO} --false-reject-rate '5 %'",
        good("parts", 6),
        says=(r"5(\.00)? ?%",),
    ),
    _fits(
        "a decimal comma",
        f"{_DO} --false-reject-rate 0,05",
        good("parts", 6),
        says=(r"5(\.00)? ?%",),
    ),
    _fits(".05", f"{_DO} --false-reject-rate .05", good("parts", 6), says=(r"5(\.00)? ?%",)),
    _fits("a confidence of 90 %", f"{_DO} --confidence 90%", good("parts", 6), says=("90 ?%",)),
    _option("--false-reject-rate 5", "5", "5 ?%|0.05", status=2),
    _option("--false-reject-rate 0", "between 0 and 1|more than 0", status=2),
    _option("--false-reject-rate -0.01", "-0.01", status=2),
    _option("--false-reject-rate 100%", "100", status=2),
    _option("--false-reject-rate abc", "abc", "0.01|1%", status=2),
    _option("--confidence 95", "95", "0.95|95%", status=2),
    _option("--size 100", "multiple of 32", "96|128"),
    _option("--size 0", "multiple of 32"),
    _option("--size -64", "multiple of 32"),
    _option("--size 64px", "64px", status=2),
    _option("--size 64.5", "64.5", status=2),
    _option("--size 1000000", "1000000"),
    _option("--tiles 0", "tiles"),
    _option("--seed -1", "seed", "0"),
    _option("--seed abc", "abc", status=2),
    _option("--backbone resnet50", "resnet50", "timm:", status=2),
    _option("--backbone timm:nosuchnet", "nosuchnet"),
    _option("--time-budget 5x", "5x", "90s", status=2),
    _option("--time-budget -5", "-5", status=2),
    _option("--max-memory 1", "needs [0-9.]+ GB", "allowed"),
    _option("--max-memory 2 GB", "GB", status=2),
    _option("--max-memory lots", "lots", "2GB", status=2),
    _option("--max-memory 100MB", "needs [0-9.]+ GB", "0.10 GB|100 ?MB"),
    _option("--device cuda", "device"),
    _option("--device gpu", "gpu", "cuda", status=2),
    _fits("--max-memory '8 GB' with quotes", f"{_DO} --max-memory '8 GB'", good("parts", 6)),
    _fits("--max-memory 7,5GB", f"{_DO} --max-memory 7,5GB", good("parts", 6)),
    _fits("--time-budget 5 means seconds", f"{_DO} --time-budget 60", good("parts", 6)),
    refused(
        "--detector patchcore",
        "fit parts -o b.defectory --detector patchcore",
        [good("parts", 6)],
        "patchcore",
        "did you mean.*patch-memory",
        status=2,
    ),
    refused(
        "--detector Gaussian2",
        "fit parts -o b.defectory --detector Gaussian2",
        [good("parts", 6)],
        "did you mean.*gaussian",
        status=2,
    ),
    _fits(
        "--detector GAUSSIAN",
        "fit parts -o b.defectory --detector GAUSSIAN --size 64",
        good("parts", 6),
    ),
    refused(
        "--detector patch_memory",
        "fit parts -o b.defectory --detector patch_memory",
        [good("parts", 6)],
        "did you mean.*patch-memory",
        status=2,
    ),
    refused(
        "--detector is empty",
        "fit parts -o b.defectory --detector ''",
        [good("parts", 6)],
        "gaussian",
        status=2,
    ),
    refused(
        "--tiles with a detector that reads none",
        "fit parts -o b.defectory --tiles 2 --size 64",
        [good("parts", 6)],
        "tiles",
        "gaussian",
    ),
]
