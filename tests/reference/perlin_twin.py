"""Perlin noise one pixel at a time, from the definition."""

import math

import numpy as np


def slow_perlin_noise(shape, cells, rng):
    """The same draws as the fast one: one angle a node, row by row."""
    (h, w), (cells_y, cells_x) = shape, cells
    nodes = (math.ceil(cells_y) + 1, math.ceil(cells_x) + 1)
    angle = rng.uniform(0, 2 * np.pi, nodes)
    noise = np.zeros(shape)
    for i in range(h):
        for j in range(w):
            y, x = (i + 0.5) * cells_y / h, (j + 0.5) * cells_x / w
            top, left = min(int(y), nodes[0] - 2), min(int(x), nodes[1] - 2)
            value = [
                [_corner(angle[top + a, left + b], y - top - a, x - left - b) for b in (0, 1)]
                for a in (0, 1)
            ]
            across = _fade(x - left)
            upper = value[0][0] + across * (value[0][1] - value[0][0])
            lower = value[1][0] + across * (value[1][1] - value[1][0])
            noise[i, j] = math.sqrt(2) * (upper + _fade(y - top) * (lower - upper))
    return noise


def _corner(angle, dy, dx):
    return math.sin(angle) * dy + math.cos(angle) * dx


def _fade(t):
    return 6 * t**5 - 15 * t**4 + 10 * t**3
