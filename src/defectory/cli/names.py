"""Options that name a detector or backbone: what is built in, or what installed packages offer."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from defectory.cli.options import Option
from defectory.cli.values import ANY_PATH

if TYPE_CHECKING:
    from defectory.plugins import Kind

    _Choice = click.Choice[str]
else:
    _Choice = click.Choice  # which can be subscripted from click 8.2 on

DETECTORS = ("auto", "gaussian", "patch-memory", "memseg", "mapl", "mcod")
"""As in the registry, which is not imported before work starts."""

STRATEGIES = (
    "likely-defect", "near-threshold", "holds-threshold", "suspected", "disagreement", "diverse", "random",
)  # fmt: skip
"""As in `labeling.queue`, which is not imported before work starts."""

BACKBONES = ("efficientnet-lite0", "timm:NAME")


class _Name(_Choice):
    """A name that is built in, or a plug-in's: looked up when they are needed, never imported."""

    def __init__(
        self, kind: "Kind", built_in: tuple[str, ...], is_built_in: Callable[[str], bool]
    ) -> None:
        super().__init__(built_in)
        self._kind = kind
        self._is_built_in = is_built_in

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        """Return all names, as the help shows them."""
        del param, ctx
        return f"[{'|'.join(self._names())}]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the name as it is spelled; case does not count."""
        if self._is_built_in(value):
            return value
        names = self._names()
        if value in names:
            return value
        by_folded = {name.casefold(): name for name in names}
        if value.casefold() in by_folded:
            return by_folded[value.casefold()]
        from defectory.domain.nearest import did_you_mean

        meant = did_you_mean(value, names)
        listed = ", ".join(names)
        return self.fail(
            f"no {self._kind} is named {value!r}; there are {listed}{meant}", param, ctx
        )

    def _names(self) -> tuple[str, ...]:
        from defectory.plugins import plugin_names

        return (*self.choices, *plugin_names(self._kind))


detector: Option = click.option(
    "--detector",
    type=_Name("detector", DETECTORS, DETECTORS.__contains__),
    default="auto",
    show_default=True,
    help="What is fitted; auto suits most data.",
)
backbone: Option = click.option(
    "--backbone",
    type=_Name(
        "backbone", BACKBONES, lambda name: name == BACKBONES[0] or name.startswith("timm:")
    ),
    default=BACKBONES[0],
    show_default=True,
    help="Frozen features; timm:NAME is any network that timm knows.",
)
weights: Option = click.option(
    "--weights",
    type=ANY_PATH,
    metavar="FILE",
    help="Weights of a backbone timm:NAME: .safetensors, or a state dict of torch. Nothing is fetched: "
    "without a file, what timm's cache on this machine has.",
)
