"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])
Shapes = dict[str, tuple[int, ...]]


class ShapeOption(click.ParamType):
    """``input=1x1x28x28``; ``input=scalar`` has no axes."""

    name = "shape"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, tuple[int, ...]]:
        name, equals, text = str(value).rpartition("=")
        sizes = [] if text == "scalar" else text.lower().split("x")
        if not equals or not name or not all(s.isdecimal() for s in sizes):
            self.fail(f"{value!r}; a shape looks like input=1x1x28x28", param, ctx)
        return name, tuple(map(int, sizes))


def _once(ctx: click.Context, param: click.Parameter, values: tuple[tuple[str, tuple[int, ...]], ...]) -> Shapes:
    shapes = dict(values)
    if len(shapes) != len(values):
        raise click.BadParameter("an input is named twice", ctx, param)
    return shapes


model = click.argument("model")

passes = click.option("--passes", metavar="PIPELINE", help='What to do, such as "fold, quantize(int8)".')

data = click.option(
    "--data",
    metavar="NPZ",
    help="Samples: an .npz with an array for each input (x for a single one) and maybe labels y, or module:function.",
)

shape = click.option(
    "--shape",
    "shapes",
    type=ShapeOption(),
    metavar="NAME=AxB",
    multiple=True,
    callback=_once,
    help="Sizes of an input that leaves some open, such as input=1x1x28x28.",
)

no_check = click.option("--no-check", is_flag=True, help="Do not compare the network before and after each pass.")

repro = click.option(
    "--repro",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder in which a pass that fails leaves what is needed to see it fail again.",
)

json_file = click.option(
    "--json",
    "json_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also write the figures to this file.",
)


def target(function: Command) -> Command:
    """``--target``; its values are known only once the back end is loaded."""
    return click.option("--target", default="portable", show_default=True, help="See: lissom show targets.")(function)
