"""How large a run of a network would be, told by shapes alone; too large a one never starts."""

import math
from collections.abc import Mapping

from defectory.backbones.graphs import arithmetic, arrangements  # noqa: F401 - register operators
from defectory.backbones.graphs.model import Graph, GraphError, Node
from defectory.backbones.graphs.operators import OPERATORS, Call, Value

MAX_LIVE = 2**28
"""Numbers that a run may hold at once beside the weights: 1 GiB as float32. EfficientNet-Lite0 holds .2e9 at
2048 px."""

MAX_WORK = 2 * 10**11
"""Multiplications of a run, some ten seconds. EfficientNet-Lite0 takes 8e10 at 2048 px."""

_VISIT = 16  # what it costs to read or write a number, in multiplications
_MAX_SIDE = 2**16
_ANY_PX = 256  # in place of a side that is left open: every network of ours is written at this size


def nominal_shapes(graph: Graph) -> dict[str, tuple[int, ...]]:
    """Return shapes for the inputs: one image, of the size that networks are exported at."""
    return {
        name: tuple(
            (1 if place == 0 else _ANY_PX) if side is None else side
            for place, side in enumerate(sides)
        )
        for name, sides in graph.inputs.items()
    }


def bound_sizes(graph: Graph, shapes: Mapping[str, tuple[int, ...]]) -> tuple[int, int]:
    """Return how many numbers a run holds at once beside the weights, and its multiplications.

    Parameters
    ----------
    shapes : of the inputs

    Raises
    ------
    GraphError : one of the two is beyond MAX_LIVE or MAX_WORK, shapes do not fit together or hang on data, or
        the network uses an operator or a setting that is not in OPERATORS.
    """
    known = {name: Value(c.shape, c.content) for name, c in graph.constants.items()}
    for name, shape in shapes.items():
        if name in known or not all(0 < side <= _MAX_SIDE for side in shape):
            raise GraphError(f"takes {name!r} of shape {shape}")
        known[name] = Value(shape)
    run = _Run(graph, known)
    for place, node in enumerate(graph.nodes):
        run.step(place, node)
    missing = [name for name in graph.outputs if name not in known]
    if missing:
        raise GraphError(f"does not give {missing[0]!r}")
    return run.most_live, run.work


class _Run:
    def __init__(self, graph: Graph, known: dict[str, Value]) -> None:
        self._graph, self._known = graph, known
        self._last_use = {n: i for i, node in enumerate(graph.nodes) for n in node.inputs}
        self._last_use |= dict.fromkeys(graph.outputs, len(graph.nodes))
        self._live = sum(known[name].size for name in known if name not in graph.constants)
        self.most_live, self.work = self._live, 0

    def step(self, place: int, node: Node) -> None:
        call = self._call(node)
        try:
            outputs = OPERATORS[node.operator].rule(call)
        except GraphError:
            raise
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            raise GraphError(
                f"has sizes at {node.operator} that cannot be told ({error})"
            ) from error
        if len(outputs) < len(node.outputs):
            raise GraphError(f"wants {len(node.outputs)} outputs of {node.operator}")
        for name, value in zip(node.outputs, outputs, strict=False):
            if not name or name in self._known:
                raise GraphError(f"gives {name!r} twice")
            self._known[name] = value
        self._count(node, call, outputs)
        for name in {*node.inputs, *node.outputs}:
            if self._last_use.get(name, place) == place and name not in self._graph.constants:
                self._live -= self._known[name].size if name else 0

    def _call(self, node: Node) -> Call:
        rule = OPERATORS.get(node.operator)
        if rule is None:
            raise GraphError(f"uses the operator {node.operator!r}, which no network of ours has")
        unknown = set(node.attributes) - rule.settings
        if unknown:
            raise GraphError(f"gives {node.operator} the setting {min(unknown)!r}")
        absent = [name for name in node.inputs if name and name not in self._known]
        if absent:
            raise GraphError(f"uses {absent[0]!r} before it is there")
        values = tuple(self._known[name] if name else None for name in node.inputs)
        return Call(node, values, self._graph.opset)

    def _count(self, node: Node, call: Call, outputs: list[Value]) -> None:
        written = sum(value.size for value in outputs[: len(node.outputs)])
        read = sum(value.size for value in call.inputs if value is not None)
        self._live += written
        self.most_live = max(self.most_live, self._live)
        self.work += _VISIT * (read + written) + OPERATORS[node.operator].work(call, outputs)
        if self._live > MAX_LIVE:
            raise GraphError(f"would hold {_short(self._live)} numbers at once")
        if self.work > MAX_WORK:
            raise GraphError(f"would take {_short(self.work)} multiplications for an image")


def _short(number: int) -> str:
    return f"{number:.1e}" if number < 10**300 else f"1e{int(math.log10(number))}"
