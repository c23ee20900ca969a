"""From a setup to a trained network, memory and held-out scores; the part of MCOD that needs torch."""

from dataclasses import dataclass, replace

import numpy as np

from defectory.detectors.contrast.projection import Float
from defectory.detectors.contrast.reading import Reading
from defectory.detectors.contrast.setups import TrainingSetup
from defectory.detectors.contrast.twins import ImageViews, Objective, Twins, describe
from defectory.detectors.grouping import Groups, deal_groups
from defectory.domain import NoProgress, Progress, TrainingResources
from defectory.networks.heads import ContrastNetwork
from defectory.networks.initialization import build_seeded
from defectory.training.loop import TrainingRun, train


@dataclass(frozen=True)
class Recipe:
    """How a collection is learned; see `Mcod`."""

    objective: Objective
    n_epochs: int
    whiten: bool
    n_folds: int
    seed: int


@dataclass(frozen=True)
class TrainedNetwork:
    """A trained network with the reading of its features, and what the collection looks like to both."""

    network: ContrastNetwork
    reading: Reading
    features: Float
    shares: Float
    run: TrainingRun


def learn(
    setup: TrainingSetup,
    views: ImageViews,
    recipe: Recipe,
    resources: TrainingResources,
    fingerprint: str,
    progress: Progress,
) -> TrainedNetwork:
    """Return what training on the views gives."""
    objective, seed = recipe.objective, recipe.seed
    network = build_seeded(lambda: setup.make_network(views, objective.n_slots), seed)
    twins = Twins(network, views, objective, resources, seed)
    n_steps = recipe.n_epochs * max(1, len(views) // twins.n_batch)
    run = train(
        twins, n_steps, resources, fingerprint=fingerprint, stage="learning", progress=progress
    )
    features, shares = describe(twins.query, views)
    reading = Reading.fit(features, shares, objective.trim_ratio, whiten=recipe.whiten)
    return TrainedNetwork(twins.query.cpu().eval(), reading, features, shares, run)


def score_folds(
    setup: TrainingSetup, groups: Groups, recipe: Recipe, resources: TrainingResources,
    progress: Progress,
) -> Float:  # fmt: skip
    """Return a score of each image of the sample, by what the other folds alone tell.

    Parameters
    ----------
    groups : (n,) numbers of the images; no fold parts a group
    """
    n, own = len(setup.sample), groups[setup.sample]
    order = np.random.default_rng([recipe.seed, 3]).permutation(np.unique(own))
    dealt = deal_groups(own, order.tolist(), min(recipe.n_folds, len(order)))
    folds = [np.flatnonzero(dealt == fold) for fold in range(dealt.max() + 1)]
    once = replace(resources, checkpoint=None, time_budget_s=None)
    scores = np.empty(n, np.float32)
    progress.start("scoring folds left out", n)
    for test in folds:
        others = np.setdiff1d(np.arange(n), test)
        train_views, test_views = setup.fold(others, test)
        learned = learn(setup, train_views, recipe, once, "", NoProgress())
        scores[test] = learned.reading.distances(*describe(learned.network, test_views))
        progress.advance(len(test))
    return scores
