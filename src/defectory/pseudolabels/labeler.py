"""Pseudo-labels: several one-class models vote, and only where they agree is a label given."""

from collections.abc import Iterator
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from defectory.domain import Label, ParameterError
from defectory.domain.otsu import otsu_threshold
from defectory.pseudolabels.matching import (
    match_lower,
    match_upper,
    percentile_thresholds,
)
from defectory.pseudolabels.one_class import ShrunkGaussian
from defectory.pseudolabels.results import PseudoLabels
from defectory.pseudolabels.whitening import Features, PooledWhitening

Thresholds = Literal["matching", "percentile", "otsu"]
OwnScores = Literal["left-out", "as-fitted"]

Codes = NDArray[np.int8]
Indices = NDArray[np.intp]


class PseudoLabeler:
    """Labels unlabeled samples from their features and a few confirmed labels; leaves doubt as doubt.

    The features are whitened, over all samples alike. The unlabeled samples are dealt at random into K
    disjoint subsets, and model k learns what is usual from the labeled normals and subset k. Each model
    scores every sample and has two thresholds: above eta^p it votes anomalous, below eta^n normal, otherwise
    not at all. Where eta^n lies above eta^p, what falls between them is claimed by both sides, and gets no
    vote.

    Parameters
    ----------
    n_classifiers : >= 1, K
        more makes agreement rarer, and surer
    thresholds : how eta^n and eta^p are found
        "matching": partial matching with the labeled scores of either class; Otsu where a class has no label.
        "otsu": one threshold for both, labels unseen. "percentile": 5 % and 99 %, as SPADE's released code.
    own_scores : scores of the samples a model was fitted on
        "left-out": by the model without the sample. "as-fitted": by the model itself, as the paper does;
        a sample then looks more usual to the model that has seen it, labeled normals to all of them, and the
        thresholds inherit that.
    n_dims : >= 1, dimensions kept by the whitening
    shrinkage : (0, 1], of the models' covariances
    seed : of the subsets, together with the round

    Notes
    -----
    Source: Yoon et al. 2023 (SPADE) and Chen & Kang 2024 (MAPL), which takes K = 2. Differs from them: own
    scores are left out (see docs/pseudolabels.md for what that gains), features are whitened first, and real
    unlabeled samples are labeled, not only simulated ones. Confirmed labels are never overwritten. The
    truth of unlabeled samples has no way in.
    Cost: time O(n d min(n, d) + n K q^2), q dimensions kept.
    """

    def __init__(
        self,
        *,
        n_classifiers: int = 2,
        thresholds: Thresholds = "matching",
        own_scores: OwnScores = "left-out",
        n_dims: int = 256,
        shrinkage: float = 0.5,
        seed: int = 0,
    ) -> None:
        _check_choice("thresholds", thresholds, Thresholds)
        _check_choice("own_scores", own_scores, OwnScores)
        if n_classifiers < 1:
            raise ParameterError(f"n_classifiers is {n_classifiers}; give 1 or more")
        self.n_classifiers = n_classifiers
        self.thresholds = thresholds
        self.own_scores = own_scores
        self.n_dims = n_dims
        self.shrinkage = shrinkage
        self.seed = seed
        # Both say at once what is wrong with the settings they are given.
        PooledWhitening(n_dims)
        ShrunkGaussian(shrinkage)

    def label(
        self,
        features: Features,
        labels: NDArray[np.integer],
        *,
        round: int = 0,  # noqa: A002
    ) -> PseudoLabels:
        """Return labels, votes and reasons of all samples.

        Parameters
        ----------
        features : (n, d) float32, finite
            pooled features of the images; d may exceed n
        labels : (n,) codes of Label
            what a person has confirmed; UNLABELED for the rest, at least K of them
        round : >= 0
            kept in the result; subsets are dealt anew each round

        Raises
        ------
        ParameterError : shapes that do not fit, features that are not finite, codes that are none of Label,
            no unlabeled sample, too few samples for K models, or a negative round.
        """
        features = np.asarray(features, np.float32)
        codes = self._checked(features, labels)
        if round < 0:
            raise ParameterError(f"round is {round}; give 0 or more")
        rng = np.random.default_rng([self.seed, round])
        white = PooledWhitening(self.n_dims).fit(features, rng).transform(features)
        unlabeled = np.flatnonzero(codes == Label.UNLABELED)
        normal = np.flatnonzero(codes == Label.NORMAL)
        scores = np.empty((len(codes), self.n_classifiers), np.float32)
        limits = np.empty((self.n_classifiers, 2))
        for k, subset in enumerate(deal_subsets(unlabeled, self.n_classifiers, rng)):
            scores[:, k] = self._score(white, np.concatenate([normal, subset]))
            limits[k] = self._find_thresholds(scores[:, k], codes)
        votes = cast_votes(scores, limits)
        votes[codes != Label.UNLABELED] = Label.UNLABELED
        agreed = count_votes(votes)
        return PseudoLabels(
            labels=np.where(codes == Label.UNLABELED, agreed, codes).astype(np.int8),
            is_confirmed=codes != Label.UNLABELED,
            votes=votes,
            thresholds=limits,
            scores=scores,
            round=round,
        )

    def _score(self, white: Features, own: Indices) -> Features:
        model = ShrunkGaussian(self.shrinkage).fit(white[own])
        scores = model.scores(white)
        if self.own_scores == "left-out":
            scores[own] = model.left_out_scores()
        return scores

    def _find_thresholds(self, scores: Features, codes: Codes) -> tuple[float, float]:
        """Return (eta^n, eta^p) of one model."""
        unlabeled = scores[codes == Label.UNLABELED]
        if self.thresholds == "percentile":
            return percentile_thresholds(unlabeled)
        middle = otsu_threshold(unlabeled)[0]
        if self.thresholds == "otsu":
            return middle, middle
        normal, anomalous = scores[codes == Label.NORMAL], scores[codes == Label.ANOMALOUS]
        return (
            match_lower(normal, unlabeled) if len(normal) else middle,
            match_upper(anomalous, unlabeled) if len(anomalous) else middle,
        )

    def _checked(self, features: Features, labels: NDArray[np.integer]) -> Codes:
        codes = np.asarray(labels)
        if features.ndim != 2 or codes.shape != features.shape[:1] or features.shape[1] < 1:
            raise ParameterError(
                f"features are {features.shape} and labels {codes.shape}; give (n, d) and (n,)"
            )
        if not np.isfinite(features).all():
            row = int(np.flatnonzero(~np.isfinite(features).all(axis=1))[0])
            raise ParameterError(f"the features of sample {row} hold nan or infinity")
        if not np.isin(codes, [int(code) for code in Label]).all():
            raise ParameterError("labels hold other codes than -1 unlabeled, 0 normal, 1 anomalous")
        self._check_counts(codes)
        return codes.astype(np.int8)

    def _check_counts(self, codes: NDArray[np.integer]) -> None:
        n_unlabeled = int((codes == Label.UNLABELED).sum())
        n_normal = int((codes == Label.NORMAL).sum())
        if n_unlabeled == 0:
            raise ParameterError("every sample is labeled; there is nothing to pseudo-label")
        smallest = n_unlabeled // self.n_classifiers
        if smallest == 0 or smallest + n_normal < 2:
            raise ParameterError(
                f"{n_unlabeled} unlabeled and {n_normal} normal samples are too few for "
                f"{self.n_classifiers} models; lower n_classifiers or add images"
            )


def deal_subsets(indices: Indices, n_subsets: int, rng: np.random.Generator) -> Iterator[Indices]:
    """Yield disjoint random subsets of equal size (within one) that make up the whole, each sorted."""
    for part in np.array_split(rng.permutation(indices), n_subsets):
        yield np.sort(part)


def cast_votes(scores: Features, thresholds: NDArray[np.float64]) -> Codes:
    """Return (n, K) codes: above eta^p anomalous, below eta^n normal, both or neither UNLABELED.

    Parameters
    ----------
    scores : (n, K) float32, higher = more anomalous
    thresholds : (K, 2) float64, eta^n and eta^p
    """
    is_above, is_below = scores > thresholds[:, 1], scores < thresholds[:, 0]
    votes = np.full(scores.shape, Label.UNLABELED, np.int8)
    votes[is_above & ~is_below] = Label.ANOMALOUS
    votes[is_below & ~is_above] = Label.NORMAL
    return votes


def count_votes(votes: Codes) -> Codes:
    """Return (n,) codes: where all K models agree; UNLABELED elsewhere."""
    return np.where((votes == votes[:, :1]).all(axis=1), votes[:, 0], Label.UNLABELED)


def _check_choice(name: str, value: str, choices: object) -> None:
    known = get_args(choices)
    if value not in known:
        raise ParameterError(f"{name} is {value!r}; choose {' or '.join(map(repr, known))}")
