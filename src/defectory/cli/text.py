"""What commands print of their results."""

import os
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

# Of figures; the last two are there with a miss rate only.
_OUTCOMES = {"rejected": "rejected", "review": "to review", "accepted": "accepted"}


def one_line(text: object) -> str:
    """Return the text in one line that every terminal takes: names of files may hold anything."""
    # bytes that are no UTF-8 come as surrogates
    shown = _told(str(text)).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in shown)


def _told(text: str) -> str:
    """Return a text with addresses in place of where copies of remote data lie."""
    if f"{os.sep}remote{os.sep}" not in text:
        return text
    from defectory.remote.copies import told_remote

    return told_remote(text)


def as_command(*words: object) -> str:
    """Return a command in one line that can be copied into a shell: names of files may have spaces."""
    return one_line(shlex.join(map(str, words)))


def counted(n: int, noun: str) -> str:
    """Return "1 image", "2 images"."""
    return f"{n:,} {noun}" + ("" if n == 1 else "s")


def print_fit(result: Any, bundle: Path, suspects: Path | None) -> None:
    """Say what a fit learned from, what it promises, and where things lie."""
    left_out = result.n_images - result.n_learned
    evidence = f"{result.n_normal} normal, {result.n_unlabeled} unlabeled"
    if left_out:
        evidence += f"; {left_out} anomalous not used by this detector"
    elif result.n_anomalous:
        evidence += f", {result.n_anomalous} anomalous"
    click.echo(f"Learned from {result.n_learned} images ({evidence}) in {result.wall_s:.1f} s.")
    print_provider(result.model.provider)
    for line in result.account:
        click.echo(line)
    threshold = result.model.threshold
    click.echo(f"Threshold {threshold.value:.4g}: {threshold.explain()}")
    zone = result.model.gray_zone
    print_gray_zone(zone)
    printed = {threshold.explain(), "" if zone is None else zone.accept.explain()}
    print_notes(note for note in result.notes if note not in printed)
    print_trade_offs(result.model)
    if suspects is not None:
        n = sum(item.suspect.is_distrusted for item in result.suspects)
        click.echo(
            f"Ranked {len(result.suspects)} unlabeled images, the most suspicious first "
            f"({n} of them distrusted): see {_told(str(suspects))}"
        )
    click.echo(f"Wrote {_told(str(bundle))} ({bundle.stat().st_size / 1e6:.1f} MB).")


_DEFECTS: Mapping[str, Callable[[int], str]] = {
    "labeled": lambda n: f"{counted(n, 'labeled defect')} held out",
    "chosen": lambda n: (
        f"{counted(n, 'labeled defect')} held out, which were asked about for their scores or are of before "
        "the recalibration (of those to come fewer may be found)"
    ),
    "simulated": lambda n: f"{counted(n, 'simulated defect')} (real ones may be harder)",
}


def print_trade_offs(model: Any) -> None:
    """Print what other promises would cost, and which images hold the threshold up."""
    rows = model.trade_offs
    if not rows[0].n_defects:
        return
    click.echo(f"What promises cost, judged on {_DEFECTS[rows[0].kind](rows[0].n_defects)}:")
    has_interval = rows[0].has_interval
    click.echo("  good rejected   threshold   defects found" + "   95 % interval" * has_interval)
    for row in rows:
        rate = f"{row.threshold.false_reject_rate:.1%}"
        mark = "" if row.threshold.is_kept else f"   {row.threshold.basis}"
        interval = f"   {row.low:7.0%} - {row.high:.0%}" * has_interval
        click.echo(f"  {rate:>13}{row.threshold.value:12.4g}{row.recall:16.0%}{interval}{mark}")
    for holder in model.holders:
        name = one_line(model.facts.known_names.get(holder.content, holder.content))
        click.echo(
            f"  {name} alone costs {holder.recall_without - holder.recall:.0%} of the defects: without it "
            f"the threshold is {holder.threshold_without:.4g}. Is it really good?"
        )


def print_provider(provider: str) -> None:
    """Print what networks ran on, where a provider was asked for."""
    asked = click.get_current_context().params.get("provider", "cpu")
    if asked != "cpu":
        click.echo(f"Networks ran on {provider}.")


def print_gray_zone(zone: Any | None) -> None:
    """Print below which score images are accepted, and what is left for a person; nothing without a zone."""
    if zone is None:
        return
    click.echo(f"Accepted below {zone.accept.value:.4g}: {zone.accept.explain()}")
    click.echo(zone.explain())


def print_notes(notes: Iterable[str]) -> None:
    """Print what a person should know of the data, a line each."""
    for note in notes:
        click.echo(f"Note: {one_line(note)}")


def print_images(listed: Sequence[Any], n_all: int, outcome: str) -> None:
    """Print the images that are listed of an outcome, and how many more there are."""
    for image in listed:
        click.echo(f"  {outcome}: {one_line(image.name)}, score {image.score:.4g}")
    n_more = n_all - len(listed)
    if n_more:
        click.echo(f"  and {n_more} more")


def print_merged(merged: Any) -> None:
    """Print what a merge came to, and the files that it wrote."""
    print_images(merged.rejected, merged.n_rejected, "rejected")
    print_images(merged.review, merged.n_review, "to look at")
    above = "" if merged.threshold is None else f" (score above {merged.threshold:.4g})"
    review = f", {merged.n_review:,} to look at" if merged.has_gray_zone else ""
    unreadable = f", {merged.n_unreadable:,} unreadable" if merged.n_unreadable else ""
    click.echo(
        f"{counted(merged.n_images, 'image')} in {counted(merged.n_shards, 'shard')}: "
        f"{merged.n_rejected:,} rejected{above}{review}, {merged.n_accepted:,} accepted{unreadable}."
    )
    print_notes(merged.notes)
    for path in (merged.dataset, merged.summary, merged.table):
        if path is not None:
            click.echo(f"Wrote {path}.")


def print_evaluation(evaluation: Any, json_path: Path | None, report_path: Path | None) -> None:
    """Print the figures of an evaluation, and where they were written."""
    figures = evaluation.to_dict()
    for key in evaluation.metrics:
        value, interval = figures[key], figures[f"{key}_ci"]
        shown = f"n/a  ({evaluation.why_missing(key)})" if value is None else f"{value:.4f}"
        between = (
            "" if interval is None else f"  (95 % interval {interval[0]:.4f} - {interval[1]:.4f})"
        )
        click.echo(f"{key:20}{shown}{between}")
    for name in ("anomalous", "normal"):
        for outcome, words in _OUTCOMES.items():
            n = figures.get(f"n_{name}_{outcome}")
            if n is not None:
                click.echo(f"{f'{name} {words}':20}{n} of {figures[f'n_{name}']}")
    if evaluation.explain_intervals():
        click.echo(evaluation.explain_intervals())
    print_notes(evaluation.notes)
    for path in (json_path, report_path):
        if path is not None:
            click.echo(f"Wrote {path}")
