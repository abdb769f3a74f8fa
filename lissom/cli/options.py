"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path

import click

Shapes = dict[str, tuple[int, ...]]


def _shapes(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> Shapes:
    """``input=1x1x28x28``; ``input=scalar`` has no axes."""
    shapes: Shapes = {}
    for value in values:
        name, _, text = value.rpartition("=")
        sizes = [] if text == "scalar" else text.lower().split("x")
        if not name or not all(s.isdecimal() for s in sizes):
            raise click.BadParameter(f"{value!r}; a shape looks like input=1x1x28x28", ctx, param)
        if name in shapes:
            raise click.BadParameter(f"input {name!r} is named twice", ctx, param)
        shapes[name] = tuple(map(int, sizes))
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
    metavar="NAME=AxB",
    multiple=True,
    callback=_shapes,
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


target = click.option(
    "--target",
    default="portable",
    show_default=True,
    help="What machines the C is for; native: this one. See: lissom show targets.",
)
