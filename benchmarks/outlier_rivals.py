"""Rivals of P3: outlier detectors from the shelf (PyOD) and the obvious ones, on the same vectors."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.floating]

_N_NEIGHBORS = 5
_MANY_NEIGHBORS_SHARE = 0.1


def score_all(vectors: Float, contamination: float, seed: int) -> dict[str, Float]:
    """Return rival -> (n,) scores, higher = odder, each fitted on the vectors it scores.

    Parameters
    ----------
    contamination : the true share of outliers, which PyOD's detectors ask for; MCOD is not told
    """
    from pyod.models.ecod import ECOD
    from pyod.models.iforest import IForest
    from pyod.models.lof import LOF
    from pyod.models.ocsvm import OCSVM

    shelf: dict[str, Callable[[], Any]] = {
        "IsolationForest": lambda: IForest(contamination=contamination, random_state=seed),
        "OCSVM": lambda: OCSVM(contamination=contamination),
        "LOF": lambda: LOF(contamination=contamination),
        "ECOD": lambda: ECOD(contamination=contamination),
    }
    found: dict[str, Float] = {}
    for name, make in shelf.items():
        detector = make()
        detector.fit(vectors)
        found[name] = np.asarray(detector.decision_scores_)
    many = max(_N_NEIGHBORS, round(_MANY_NEIGHBORS_SHARE * len(vectors)))
    near, far = nearest_distances(vectors, (_N_NEIGHBORS, many))
    found["k-NN, k = 5"] = near
    found["k-NN, k = 10 % of n"] = far
    found["Gaussian"] = gaussian_distances(vectors)
    found["autoencoder"] = autoencoder_errors(vectors, seed)
    return found


def nearest_distances(vectors: Float, ks: tuple[int, ...], n_rows: int = 512) -> list[Float]:
    """Return for each k the distance of each vector to its k-th neighbor other than itself."""
    squares = np.square(vectors).sum(axis=1)
    parts: list[list[Float]] = [[] for _ in ks]
    for start in range(0, len(vectors), n_rows):
        rows = slice(start, start + n_rows)
        distances = squares[rows, None] - 2 * vectors[rows] @ vectors.T + squares
        ordered = np.sort(distances, axis=1)
        for part, k in zip(parts, ks, strict=True):
            part.append(np.sqrt(np.maximum(ordered[:, k], 0)))
    return [np.concatenate(part) for part in parts]


def gaussian_distances(vectors: Float) -> Float:
    """Return Mahalanobis distances to the mean of all, with the covariance of all."""
    centered = vectors - vectors.mean(axis=0)
    covariance = np.cov(centered.T) + 1e-6 * np.eye(centered.shape[1])
    squared: Float = np.einsum("nd,de,ne->n", centered, np.linalg.inv(covariance), centered)
    return np.sqrt(squared)


def autoencoder_errors(vectors: Float, seed: int, n_epochs: int = 30) -> Float:
    """Return the squared errors of a small autoencoder (d-128-8-128-d) trained on the vectors."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        width = vectors.shape[1]
        network = torch.nn.Sequential(
            torch.nn.Linear(width, 128), torch.nn.ReLU(), torch.nn.Linear(128, 8),
            torch.nn.Linear(8, 128), torch.nn.ReLU(), torch.nn.Linear(128, width),
        )  # fmt: skip
    data = torch.from_numpy(vectors.astype(np.float32))
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    for _ in range(n_epochs):
        for rows in torch.randperm(len(data), generator=generator).split(256):
            loss = (network(data[rows]) - data[rows]).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    with torch.no_grad():
        return np.asarray((network(data) - data).square().mean(dim=1).numpy())
