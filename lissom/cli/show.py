"""``lissom show``: a model, or what lissom knows."""

from __future__ import annotations

import click

from lissom.cli import options
from lissom.cli.options import Shapes


@click.command(epilog="A model file that is called passes, ops or targets is shown as ./passes and so on.")
@click.argument("what", metavar="MODEL|passes|ops|targets")
@click.option("--text", is_flag=True, help="Print a model in the text form of the IR.")
@options.shape
def show(what: str, text: bool, shapes: Shapes) -> None:
    """Show the layers of MODEL, or list the passes, the ops or the targets of the C back end."""
    lists = {"passes": show_passes, "ops": show_ops, "targets": show_targets}
    if what in lists:
        if text or shapes:
            raise click.UsageError("--text and --shape are for models")
        lists[what]()
    else:
        show_model(what, text, shapes)


def show_model(path: str, text: bool, shapes: Shapes) -> None:
    """The ops of a model with type, parameters and MACs, or its text."""
    from lissom.cli.console import number, show, show_table
    from lissom.cli.model import read_model

    graph = read_model(path, shapes)
    if text:
        click.echo(str(graph), nl=False)
        return
    rows = []
    for op in graph.ops:
        cost = op.cost()
        rows.append((op.name, op.op_type, op.type, number(cost.params), number(cost.macs)))
    show_table(("name", "op", "type", "parameters>", "MACs>"), rows)
    total = graph.cost()
    weights = sum(c.type.nbytes() for c in graph.consts)
    show(
        "",
        *(f"input  {i.name}: {i.type}" for i in graph.inputs),
        *(f"output {n}: {v.type}" for n, v in zip(graph.output_names, graph.outputs, strict=True)),
        f"{len(graph)} ops, {number(total.params)} parameters in {number(weights)} bytes, {number(total.macs)} MACs"
        + (" (open sizes count as 1)" if any(i.type.static is None for i in graph.inputs) else ""),
    )


def show_passes() -> None:
    """Every pass with its options."""
    from lissom.cli.console import show
    from lissom.passes.registry import all_passes

    found, broken = all_passes()
    for p in found.values():
        show(f"{p}", f"    {p.kind.value}: {p.summary}", *(f"    {o}: {o.doc}" for o in p.options))
    for name, reason in broken.items():
        show(f"{name}: {reason}")


def show_ops() -> None:
    """Every op with its fields and the first line of its docstring."""
    import inspect

    import lissom.ir.ops  # noqa: F401  # fills OPS
    from lissom.cli.console import show_table
    from lissom.ir.op import OPS

    rows = []
    for name, op in sorted(OPS.items()):
        fields = ", ".join(f.name if f.required else f"{f.name}?" for f in op.fields)
        rows.append((f"{op.domain}.{name}" if op.domain else name, (inspect.getdoc(op) or "").split("\n")[0], fields))
    show_table(("op", "meaning", "fields (? has a default)"), rows)


def show_targets() -> None:
    """Every target of the C back end: the levels of kernels it can run, how many, and whether this machine can."""
    from lissom.backends.c.emulation.machines import MACHINES, lacking_for
    from lissom.backends.c.host import missing, native
    from lissom.cli.console import show_table
    from lissom.kernels.table import KERNELS, SEVERAL, TARGETS

    rows = []
    for target, levels in TARGETS.items():
        lacking = missing(target)
        if lacking and target in MACHINES:
            wanted = lacking_for(target)
            here = f"no: install {wanted}" if wanted else f"under {MACHINES[target].emulator}"
        else:
            here = (
                f"no: it lacks {', '.join(lacking)}" if lacking else "yes, as native" if target == native() else "yes"
            )
        rows.append((target, ", ".join(levels), sum(k.level in levels for k in KERNELS), here))
    for target, targets in SEVERAL.items():
        levels = tuple(dict.fromkeys(level for t in targets for level in TARGETS[t]))
        run = f"under {MACHINES[target].emulator}" if target in MACHINES and missing(targets[-1]) else "yes"
        here = f"{run}, each machine by the best of: " + ", ".join(targets)
        rows.append((target, ", ".join(levels), sum(k.level in levels for k in KERNELS), here))
    show_table(("target", "levels, best first", "kernels>", "runs here"), rows)
