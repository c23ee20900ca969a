"""Gaussians and grids the obvious way: float64, one cell, one image, one number at a time."""

import numpy as np


def slow_field(samples, shrinkage):
    """Return (mean, covariance) of (n, d) samples, shrunk towards its own mean variance."""
    mean = samples.mean(axis=0)
    covariance = np.cov(samples.T, bias=True)
    target = np.trace(covariance) / len(mean) * np.eye(len(mean))
    return mean, (1 - shrinkage) * covariance + shrinkage * target


def slow_distance(sample, mean, covariance):
    deviation = sample - mean
    return np.sqrt(deviation @ np.linalg.inv(covariance) @ deviation)


def slow_leave_one_out(images, shrinkage):
    """Return (i, b) distances of (i, b, d) images of one cell, each by a field without its image.

    The shrinkage target is that of all images: level * n / (n - b), the same total for fewer samples.
    """
    n_images, b, d = images.shape
    n = n_images * b
    everything = np.cov(images.reshape(n, d).T, bias=True)
    target = np.trace(everything) / d * n / (n - b) * np.eye(d)
    found = np.empty((n_images, b))
    for i in range(n_images):
        rest = np.delete(images, i, axis=0).reshape(-1, d)
        covariance = (1 - shrinkage) * np.cov(rest.T, bias=True) + shrinkage * target
        for j in range(b):
            found[i, j] = slow_distance(images[i, j], rest.mean(axis=0), covariance)
    return found


def slow_stack(features, stages, side):
    """Return (side, side, d): mean over a cell of finer stages, bilinear between centers of coarser."""
    d = sum(features[name].shape[2] for name in stages)
    out = np.empty((side, side, d))
    for y in range(side):
        for x in range(side):
            parts = [_value_at(features[name].astype(float), y, x, side) for name in stages]
            out[y, x] = np.concatenate(parts)
    return out


def _value_at(stage, y, x, side):
    n = len(stage)
    if n >= side:
        k = n // side
        cells = [stage[y * k + i, x * k + j] for i in range(k) for j in range(k)]
        return sum(cells) / len(cells)
    at_y, at_x = ((at + 0.5) * n / side - 0.5 for at in (y, x))
    y0, x0 = int(np.floor(at_y)), int(np.floor(at_x))
    total = np.zeros(stage.shape[2])
    for yy, wy in ((y0, 1 - (at_y - y0)), (y0 + 1, at_y - y0)):
        for xx, wx in ((x0, 1 - (at_x - x0)), (x0 + 1, at_x - x0)):
            total += wy * wx * stage[min(max(yy, 0), n - 1), min(max(xx, 0), n - 1)]
    return total
