"""How soon the alarm rings and how often for nothing, as Markdown."""

from collections.abc import Sequence

from benchmarks.markdown import share, table
from benchmarks.result_files import Run

_NOTE = (
    "Simulated. An alarm may ring for nothing in 1 % of its lifetimes. The Shiryaev-Roberts statistic of the "
    "same bets is held to the same probability over just so many images. The fixed calibration set, to which "
    "new scores are never added, is what p-values against held-out scores alone would be."
)
_DELAYS = (
    "Images scored until the alarm rings, after all scores have risen by a number of robust deviations of "
    "the calibration scores: median, in brackets the 90th percentile, then the share that rings within "
    "2,000 images where that is not all. The goal is a median of at most 200 for one robust deviation."
)
_DRIFT = (
    "Ball screws in time order, which soil: fitted on the first 30 moments with a promise of 5 %, then good "
    "images of later moments. The 60 after the alarm rings recalibrate the threshold; the rest is counted."
)


def alarms(runs: Sequence[Run]) -> str:
    """Return two tables; the same runs give the same text."""
    found = [run for run in runs if run["part"] == "lifetimes"]
    delays = [run for run in runs if run["part"] == "delays"]
    real = [run for run in runs if run["part"] == "drift"]
    parts = ["## The alarm after shipping\n", f"{_NOTE}\n", _lifetimes(found), f"{_DELAYS}\n"]
    return "\n".join([*parts, _delays(delays), f"{_DRIFT}\n", _drift(real)])


def _drift(found: Sequence[Run]) -> str:
    head = [
        "", "good images", "rings at image", "rejected until then", "left to count",
        "of these rejected", "after recalibration",
    ]  # fmt: skip
    rows = [
        [
            f"`{run['rule']}`", str(run["n_good"]), str(run["rang_at"] or "never"),
            share(run.get("rejected_before_it_rang", run["rejected"])), str(run.get("n_after", "")),
            share(run.get("rejected_after")), share(run.get("rejected_recalibrated")),
        ]
        for run in found
    ]  # fmt: skip
    return table(head, rows)


def _lifetimes(found: Sequence[Run]) -> str:
    sizes = list(dict.fromkeys(run["n_calibration"] for run in found))
    head = ["rings for nothing, of lifetimes", *(f"{n:,} calibration scores" for n in sizes)]
    rows = []
    for rule in dict.fromkeys(run["rule"] for run in found):
        told = {run["n_calibration"]: run for run in found if run["rule"] == rule}
        shares = [told[n]["n_rang"] / told[n]["n_lifetimes"] for n in sizes]
        rows.append([rule, *(f"{share:.1%}" for share in shares)])
    if found:
        head[0] = (
            f"rings for nothing, of {found[0]['n_lifetimes']:,} lifetimes of {found[0]['lifetime']:,}"
        )
    return table(head, rows)


def _delays(found: Sequence[Run]) -> str:
    sizes = list(dict.fromkeys(run["n_calibration"] for run in found))
    keys = ("rule", "shift", "start", "distribution")
    rows = []
    for key in dict.fromkeys(tuple(run[k] for k in keys) for run in found):
        told = {r["n_calibration"]: r for r in found if tuple(r[k] for k in keys) == key}
        rule, shift, start, distribution = key
        cells = [_cell(told[n]) if n in told else "" for n in sizes]
        rows.append([rule, f"{shift:g}", f"{start:,}", distribution, *cells])
    head = ["", "risen by", "after images", "scores", *(f"{n:,} calibration scores" for n in sizes)]
    return table(head, sorted(rows, key=lambda row: (row[0] != "alarm", float(row[1]))))


def _cell(run: Run) -> str:
    shown = ["-" if run[key] is None else f"{run[key]:.0f}" for key in ("median", "p90")]
    rang = "" if run["rang"] == 1 else f", {run['rang']:.0%}"
    return f"{shown[0]} ({shown[1]}){rang}"
