"""Pixel AUROC and AUPRO as one would write them down, with no thought of speed."""

import numpy as np


def regions_of(mask):
    """Return one (h, w) bool array per 8-connected region, by flood fill."""
    left = {(int(y), int(x)) for y, x in np.argwhere(mask)}
    regions = []
    while left:
        region, todo = np.zeros_like(mask), [left.pop()]
        while todo:
            y, x = todo.pop()
            region[y, x] = True
            near = {(y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)} & left
            left -= near
            todo.extend(near)
        regions.append(region)
    return regions


def slow_pixel_auroc(maps, masks):
    """Return the share of (defective, normal) pixel pairs in order, a tie counting a half."""
    defects = [float(v) for m, k in zip(maps, masks, strict=True) for v in m[k]]
    normals = [float(v) for m, k in zip(maps, masks, strict=True) for v in m[~k]]
    wins = sum((d > v) + 0.5 * (d == v) for d in defects for v in normals)
    return wins / (len(defects) * len(normals))


def slow_pro_curve(maps, masks):
    """Return false-positive rates and mean region overlaps at every distinct score, falling."""
    n_normals = sum(int((~mask).sum()) for mask in masks)
    regions = [(m, r) for m, mask in zip(maps, masks, strict=True) for r in regions_of(mask)]
    rates, overlaps = [0.0], [0.0]
    for threshold in sorted({float(v) for m in maps for v in m.ravel()}, reverse=True):
        passed = sum(
            int(((m >= threshold) & ~mask).sum()) for m, mask in zip(maps, masks, strict=True)
        )
        rates.append(passed / n_normals)
        overlaps.append(float(np.mean([(m[r] >= threshold).mean() for m, r in regions])))
    return rates, overlaps


def slow_aupro(maps, masks, max_fpr=0.3):
    """Return the mean overlap for rates in [0, max_fpr], by one trapezoid a threshold."""
    rates, overlaps = slow_pro_curve(maps, masks)
    area = 0.0
    for i in range(1, len(rates)):
        x0, x1, y0, y1 = rates[i - 1], rates[i], overlaps[i - 1], overlaps[i]
        if x0 >= max_fpr or x1 == x0:
            continue
        if x1 > max_fpr:
            y1 = y0 + (y1 - y0) * (max_fpr - x0) / (x1 - x0)
            x1 = max_fpr
        area += (x1 - x0) * (y0 + y1) / 2
    return area / max_fpr
