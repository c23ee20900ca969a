"""Numbers as sums of two float32: 48 bits, where a runtime has no float64.

Source: Dekker 1971, "A floating-point technique for extending the available precision".
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import spox.opset.ai.onnx.v18 as op
from spox import Var

from defectory.detectors.decision_graphs.constants import f32

# Splits a float32 into two of 12 bits, whose products are exact.
_SPLITTER = 2.0**12 + 1


@dataclass(frozen=True)
class FloatPair:
    """high + low, the latter at most half of the last bit of the former; operators of like shapes."""

    high: Var
    low: Var

    @classmethod
    def constant(cls, values: npt.ArrayLike) -> "FloatPair":
        """Return float64 numbers, rounded to 48 bits."""
        exact = np.asarray(values, np.float64)
        high = exact.astype(np.float32)
        return cls(f32(high), f32(exact - high))

    @classmethod
    def of_sum(cls, a: Var, b: Var) -> "FloatPair":
        """Return a + b, exactly."""
        high = op.add(a, b)
        part = op.sub(high, a)
        return cls(high, op.add(op.sub(a, op.sub(high, part)), op.sub(b, part)))

    @classmethod
    def of_product(cls, a: Var, b: Var) -> "FloatPair":
        """Return a b, exactly."""
        high = op.mul(a, b)
        (a1, a2), (b1, b2) = _split(a), _split(b)
        rest = op.sub(op.mul(a1, b1), high)
        rest = op.add(op.add(rest, op.mul(a1, b2)), op.mul(a2, b1))
        return cls(high, op.add(rest, op.mul(a2, b2)))

    def __add__(self, other: "FloatPair") -> "FloatPair":
        total = FloatPair.of_sum(self.high, other.high)
        return FloatPair.of_sum(total.high, op.add(total.low, op.add(self.low, other.low)))

    def __sub__(self, other: "FloatPair") -> "FloatPair":
        return self + FloatPair(op.neg(other.high), op.neg(other.low))

    def __mul__(self, other: "FloatPair") -> "FloatPair":
        product = FloatPair.of_product(self.high, other.high)
        crossed = op.add(op.mul(self.high, other.low), op.mul(self.low, other.high))
        return FloatPair.of_sum(product.high, op.add(product.low, crossed))

    def __truediv__(self, other: "FloatPair") -> "FloatPair":
        about = op.div(self.high, other.high)
        rest = self - FloatPair(about, f32(0.0)) * other
        return FloatPair.of_sum(about, op.div(rest.high, other.high))

    def sqrt(self) -> "FloatPair":
        """Return the root of a number > 0: one step of Newton's method."""
        about = op.sqrt(self.high)
        rest = self - FloatPair.of_product(about, about)
        return FloatPair.of_sum(about, op.div(rest.high, op.mul(f32(2.0), about)))

    def rounded(self) -> Var:
        """Return the nearest whole numbers, float32."""
        whole = op.floor(self.high)
        rest = op.add(op.sub(self.high, whole), self.low)
        return op.add(whole, op.floor(op.add(rest, f32(0.5))))


def _split(values: Var) -> tuple[Var, Var]:
    raised = op.mul(values, f32(_SPLITTER))
    high = op.sub(raised, op.sub(raised, values))
    return high, op.sub(values, high)
