"""The operators that a network may use, and what is known of a tensor before anything runs.

An operator is known by its settings, the shapes that come of it and its cost; `arithmetic` and `arrangements`
have the rules. Here are those that our exporters and convolutional networks of timm write, and their like.
Control flow, custom operators, and operators whose output is as large as their data say (NonZero, Unique)
have no place.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from defectory.backbones.graphs.model import Attribute, Constant, GraphError, Node

Numbers = NDArray[Any]

MAX_CONTENT = 4096
"""Numbers of a tensor that are kept; shapes and what makes them are shorter."""


@dataclass(frozen=True)
class Value:
    """A tensor.

    Attributes
    ----------
    shape : of any rank
    content : its numbers, where they can be known and are few; else None
    """

    shape: tuple[int, ...]
    content: Numbers | None = None

    @property
    def size(self) -> int:
        """How many numbers it holds."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class Call:
    """A node with what is known of its inputs; None stands for an input that is left out."""

    node: Node
    inputs: tuple[Value | None, ...]
    opset: int

    def input(self, place: int) -> Value:
        """Return an input that must be there."""
        value = self.inputs[place] if place < len(self.inputs) else None
        if value is None:
            raise GraphError(f"{self.node.operator} lacks an input")
        return value

    def has(self, place: int) -> bool:
        """Return whether an optional input is there."""
        return place < len(self.inputs) and self.inputs[place] is not None

    def integers(self, place: int) -> list[int]:
        """Return the numbers of an input, on which a shape hangs."""
        content = self.input(place).content
        if content is None:
            raise GraphError(
                f"{self.node.operator} asks for a size that only running it would tell"
            )
        if content.dtype.kind not in "iu":
            raise GraphError(f"{self.node.operator} asks for a size that is no integer")
        return [int(n) for n in content.ravel()]

    def integer(self, name: str, default: int) -> int:
        """Return an attribute that is an integer."""
        value = self.node.attributes.get(name, default)
        if not isinstance(value, int):
            raise GraphError(f"{name} of {self.node.operator} is no integer")
        return value

    def text(self, name: str, default: str) -> str:
        """Return an attribute that is text."""
        value = self.node.attributes.get(name, default)
        if not isinstance(value, str):
            raise GraphError(f"{name} of {self.node.operator} is no text")
        return value

    def list(self, name: str, default: Sequence[int]) -> list[int]:
        """Return an attribute that is a list of integers."""
        value = self.node.attributes.get(name, tuple(default))
        if not isinstance(value, tuple) or not all(isinstance(n, int) for n in value):
            raise GraphError(f"{name} of {self.node.operator} is no list of integers")
        return [int(n) for n in value]

    def tensor(self, name: str) -> Constant | None:
        """Return an attribute that is a tensor, or None where it is left out."""
        value: Attribute | None = self.node.attributes.get(name)
        if value is not None and not isinstance(value, Constant):
            raise GraphError(f"{name} of {self.node.operator} is no tensor")
        return value

    def axis(self, value: int, rank: int) -> int:
        """Return an axis counted from the front."""
        if not -rank <= value < rank:
            raise GraphError(f"{self.node.operator} has no axis {value}")
        return value % rank

    def compute(
        self, shape: tuple[int, ...], function: Callable[..., Any], *values: Value
    ) -> Value:
        """Return the value of that shape, with its numbers where those of `values` are known."""
        contents = [value.content for value in values]
        if math.prod(shape) > MAX_CONTENT or any(content is None for content in contents):
            return Value(shape)
        with np.errstate(all="ignore"):
            content = np.asarray(function(*contents))
        if content.shape != shape:
            raise GraphError(f"the sizes of {self.node.operator} do not fit together")
        return Value(shape, content)


Rule = Callable[[Call], list[Value]]


@dataclass(frozen=True)
class Operator:
    """How an operator is bounded.

    Attributes
    ----------
    settings : names of the attributes it may have
    rule : from what is known of the inputs to what is known of the outputs
    work : multiplications beside the visit of each number of its inputs and outputs, see `sizes`
    """

    settings: frozenset[str]
    rule: Rule
    work: Callable[[Call, list[Value]], int]


OPERATORS: dict[str, Operator] = {}
"""Name -> operator; what is not here is refused."""


def _no_more(_call: Call, _outputs: list[Value]) -> int:
    return 0


def operator(
    names: str, settings: str = "", work: Callable[[Call, list[Value]], int] = _no_more
) -> Callable[[Rule], Rule]:
    """Register the rule for operators of one kind."""

    def register(rule: Rule) -> Rule:
        for name in names.split():
            OPERATORS[name] = Operator(frozenset(settings.split()), rule, work)
        return rule

    return register
