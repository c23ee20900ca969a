"""How alike the fine structure of two pictures is, whatever their brightness and a small shift."""

import numpy as np
from numpy.typing import NDArray

THUMBNAIL_PX = 64
"""Side of the gray thumbnails that are compared; finer grain than this is mostly camera noise."""

_FINE_PX, _COARSE_PX = 0.75, 2.5  # structure between these two widths is compared
_MAX_SHIFT_PX = 3
_BLOCKS = 8
_BLOCK_PX = 7
_BORDER_PX = (THUMBNAIL_PX - _BLOCKS * _BLOCK_PX) // 2  # what shifting and tapering spoil
_FLAT_RMS = 0.1  # gray levels; a block with less structure says nothing
_MIN_BLOCKS = 6
_PAIR_CHUNK = 256
_N_COMMON = 8
_IMAGES_PER_COMMON = 20  # fewer, and what is "common" would be the images themselves
_N_SAMPLE = 400
_FREQUENCY_Y = np.fft.fftfreq(THUMBNAIL_PX)
_FREQUENCY_X = np.fft.rfftfreq(THUMBNAIL_PX)

Thumbnails = NDArray[np.uint8]
Pairs = NDArray[np.int64]
Floats = NDArray[np.float32]
Spectra = NDArray[np.complex64]


class FineStructure:
    """What is individual in each picture of a collection, between grain and shading.

    What the pictures share (edges of the product, printed lines, bus bars) is taken out: the
    average and the strongest principal components of up to 400 pictures, one component for each
    20, at most 8.

    Parameters
    ----------
    thumbnails : (n, 64, 64) uint8, gray
        Whole images, squeezed to the square. Not copied.
    """

    def __init__(self, thumbnails: Thumbnails) -> None:
        self.thumbnails = thumbnails
        n = len(thumbnails)
        chosen = np.linspace(0, n - 1, min(n, _N_SAMPLE)).astype(np.int64)
        n_common = min(_N_COMMON, n // _IMAGES_PER_COMMON)
        sample = _band(thumbnails[chosen]).reshape(len(chosen), THUMBNAIL_PX**2)
        self._average = sample.mean(0) if n_common else np.zeros(sample.shape[1], np.float32)
        components = np.linalg.svd(sample - self._average, full_matrices=False)[2]
        self._common = components[:n_common].astype(np.float32)

    def agreements(self, pairs: Pairs) -> Floats:
        """Return (m,) float32, at most 1, of (m, 2) pairs of indices.

        It is the correlation that three blocks of four reach or exceed, after the best shift of
        up to 3 of 64 px; 0 where there is too little structure to tell.
        """
        chunks = [pairs[i : i + _PAIR_CHUNK] for i in range(0, len(pairs), _PAIR_CHUNK)]
        return np.concatenate([np.zeros(0, np.float32), *map(self._agreement, chunks)])

    def correlation(self, i: int, j: int) -> float:
        """Return how alike two whole images are, light and shade included, after the best shift."""
        both = self.thumbnails[[i, j]]
        spectra = _spectra(_band(both))
        whole = _spectra(both.astype(np.float32))
        moved = _image(_moved(whole[1:], _best_shift(spectra[:1], spectra[1:])))[0]
        inner = slice(_BORDER_PX, -_BORDER_PX)
        a = both[0, inner, inner].astype(np.float32).ravel()
        b = moved[inner, inner].ravel()
        a, b = a - a.mean(), b - b.mean()
        return float(a @ b / max(float(np.linalg.norm(a) * np.linalg.norm(b)), 1e-9))

    def _agreement(self, pairs: Pairs) -> Floats:
        images, place = np.unique(pairs, return_inverse=True)
        first, second = place.reshape(pairs.shape).T
        band = _band(self.thumbnails[images])
        spectra = _spectra(band)
        # The product's edges may serve to find the shift, but not to say that two pictures agree.
        shift = _best_shift(spectra[first], spectra[second])
        a = _blocks(self._individual(band))[first]
        b = _blocks(self._individual(_image(_moved(spectra[second], shift))))
        norm_a, norm_b = np.linalg.norm(a, axis=2), np.linalg.norm(b, axis=2)
        correlation = (a * b).sum(2) / np.maximum(norm_a * norm_b, 1e-9)
        # Where both are flat, a bright background say, they neither agree nor disagree.
        contrast = _contrast(self.thumbnails[images])[:, :, 0]
        rms = np.maximum(norm_a * contrast[first], norm_b * contrast[second]) / _BLOCK_PX
        telling = rms > _FLAT_RMS
        correlation[~telling] = np.nan
        correlation[telling.sum(1) < _MIN_BLOCKS] = 0.0
        return np.asarray(np.nanquantile(correlation, 0.25, axis=1), np.float32)

    def _individual(self, band: Floats) -> Floats:
        """Return (m, 64, 64): the structure without what the collection shares."""
        flat = band.reshape(len(band), -1) - self._average
        flat -= (flat @ self._common.T) @ self._common
        return flat.reshape(band.shape)


def _contrast(thumbnails: Thumbnails) -> Floats:
    """Return (m, 1, 1): the standard deviation in gray levels, at least 1."""
    return np.asarray(np.maximum(thumbnails.std((1, 2), keepdims=True), 1.0), np.float32)


def _band(thumbnails: Thumbnails) -> Floats:
    """Return (m, 64, 64): the structure that is neither grain nor shading, at unit contrast."""
    gray = thumbnails.astype(np.float32)
    gray = (gray - gray.mean((1, 2), keepdims=True)) / _contrast(thumbnails)
    taper = np.sqrt(np.hanning(THUMBNAIL_PX + 2)[1:-1])
    rise = -2 * np.pi**2 * (_FREQUENCY_Y[:, None] ** 2 + _FREQUENCY_X**2)
    band = np.exp(rise * _FINE_PX**2) - np.exp(rise * _COARSE_PX**2)
    tapered = gray * np.outer(taper, taper).astype(np.float32)
    return _image(_spectra(tapered) * band.astype(np.float32))


def _spectra(images: Floats) -> Spectra:
    """Return (m, 64, 33)."""
    return np.asarray(np.fft.rfft2(images), np.complex64)


def _image(spectra: NDArray[np.complexfloating]) -> Floats:
    return np.asarray(np.fft.irfft2(spectra, s=(THUMBNAIL_PX, THUMBNAIL_PX)), np.float32)


def _best_shift(first: Spectra, second: Spectra) -> Floats:
    """Return (m, 2): by how many pixels (down, right) to move each second image onto its first."""
    reach = _MAX_SHIFT_PX + 1
    overlap = np.roll(_image(first * np.conj(second)), (reach, reach), axis=(1, 2))
    inner = overlap[:, 1 : 2 * reach, 1 : 2 * reach].reshape(len(first), -1)
    y, x = np.divmod(inner.argmax(1), 2 * reach - 1)
    y, x, rows = y + 1, x + 1, np.arange(len(first))
    peak = overlap[rows, y, x]
    dy = y + _vertex(overlap[rows, y - 1, x], peak, overlap[rows, y + 1, x])
    dx = x + _vertex(overlap[rows, y, x - 1], peak, overlap[rows, y, x + 1])
    return np.stack([dy - reach, dx - reach], axis=1).astype(np.float32)


def _vertex(before: Floats, peak: Floats, after: Floats) -> Floats:
    """Return where, from -1/2 to 1/2, the parabola through three neighbors is highest."""
    bend = before - 2 * peak + after
    vertex = 0.5 * (before - after) / np.where(bend < 0, bend, -np.inf)
    return np.asarray(np.clip(vertex, -0.5, 0.5))


def _moved(spectra: Spectra, shift: Floats) -> Spectra:
    down = np.exp(-2j * np.pi * shift[:, :1] * _FREQUENCY_Y)[:, :, None]
    right = np.exp(-2j * np.pi * shift[:, 1:] * _FREQUENCY_X)[:, None, :]
    return np.asarray(spectra * (down * right), np.complex64)


def _blocks(images: Floats) -> Floats:
    """Return (m, 64, 49): blocks without the border, each of mean 0."""
    inner = images[:, _BORDER_PX:-_BORDER_PX, _BORDER_PX:-_BORDER_PX]
    grid = inner.reshape(-1, _BLOCKS, _BLOCK_PX, _BLOCKS, _BLOCK_PX).swapaxes(2, 3)
    blocks = grid.reshape(len(images), _BLOCKS**2, _BLOCK_PX**2)
    return np.asarray(blocks - blocks.mean(2, keepdims=True))
