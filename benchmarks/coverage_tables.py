"""How often intervals of AUROC hold the true one, as Markdown."""

from collections.abc import Sequence

from benchmarks.markdown import table
from benchmarks.result_files import Run

_NOTE = (
    "Simulated: the score of a picture is an effect of its part, a noise of its own and, where it is "
    "defective, a distance. Of mixed parts each picture is defective with a probability of one half, so that "
    "parts hold both classes. The share of 95 % intervals that hold the true AUROC: ours, which resample "
    "parts; in brackets percentiles of the same resamples, then the interval of DeLong et al. for pictures "
    "as if they had nothing to do with each other. The goal is .93 to .97. At an AUROC of .99 with 30 parts "
    "of one picture the upper end cannot miss."
)
_INTERVALS = ("groups", "percentiles", "pictures")


def coverage(runs: Sequence[Run]) -> str:
    """Return a table and what it comes to; the same runs give the same text."""
    aurocs = list(dict.fromkeys(run["auroc"] for run in runs))
    keys = ("n_pictures", "kind", "part_share", "n_parts")
    rows = []
    for key in dict.fromkeys(tuple(run[k] for k in keys) for run in runs):
        told = {run["auroc"]: run for run in runs if tuple(run[k] for k in keys) == key}
        n_pictures, kind, share, n_parts = key
        named = [kind, f"{share:.0%}"] if n_pictures > 1 else ["pure", ""]
        rows.append([str(n_pictures), *named, str(n_parts), *(_cell(told[a]) for a in aurocs)])
    means = [_cell(*(run for run in runs if run["auroc"] == auroc)) for auroc in aurocs]
    head = ["pictures a part", "parts are", "share of the part in the variance", "parts a class"]
    shown = table(
        [*head, *(f"AUROC {auroc:g}" for auroc in aurocs)], [*rows, ["all", "", "", "", *means]]
    )
    parts = ["## Intervals where pictures belong together\n", f"{_NOTE}\n"]
    return "\n".join([*parts, shown, _summary(runs)] if runs else [*parts, table(head, [])])


def _cell(*runs: Run) -> str:
    ours, *others = (f"{_share(name, *runs):.3f}".removeprefix("0") for name in _INTERVALS)
    return f"**{ours}** ({', '.join(others)})"


def _summary(runs: Sequence[Run]) -> str:
    shares = [_share("groups", run) for run in runs]
    error = (0.95 * 0.05 / runs[0]["n_data_sets"]) ** 0.5
    n_within = sum(0.93 - 2 * error <= share <= 0.97 + 2 * error for share in shares)
    return (
        f"Each row is of {runs[0]['n_data_sets']:,} data sets, so that a share is known to ± {error:.3f}. "
        f"{n_within} of {len(shares)} shares lie within .93 to .97 or two such errors of it; the lowest is "
        f"{min(shares):.3f}, the highest {max(shares):.3f}.\n"
    )


def _share(name: str, *runs: Run) -> float:
    n_covered = sum(run["n_covered"][name] for run in runs)
    return float(n_covered / sum(run["n_data_sets"] for run in runs))
