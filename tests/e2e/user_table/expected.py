"""Patterns of answers that many rows expect."""

FIT = "--detector gaussian --size 64"


def counts(normal: int, anomalous: int, unlabeled: int, part: str = "images") -> str:
    """Return how `inspect` shows the images of a split."""
    return rf"\b{part} {normal} {anomalous} {unlabeled} {normal + anomalous + unlabeled}\b"


def learned(normal: int, unlabeled: int = 0, *, left_out: int = 0) -> str:
    """Return how `fit` shows what it learned from."""
    tail = rf"; {left_out} anomalous" if left_out else r"\)"
    return (
        rf"Learned from {normal + unlabeled} images \({normal} normal, {unlabeled} unlabeled{tail}"
    )


def scored(n: int) -> str:
    """Return how `score` says how many images it looked at."""
    return rf"Scored {n} images?\b"
