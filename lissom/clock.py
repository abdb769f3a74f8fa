"""How long a graph takes as C on this machine: what ``until(ms=...)`` measures with."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lissom.ir.graph import Graph


CYCLES_A_MILLISECOND = 3e6
"""Of the processor that times are estimated for."""


def c_clock(target: str | None = None) -> Callable[[Graph], float]:
    """A function that emits a graph as C for ``target`` (default: portable), builds it and times a run.

    What it returns are milliseconds; for a target that this machine cannot run, by the costs in the table of kernels.
    It raises what :func:`lissom.emit` and the build raise, such as Error where there is no compiler.
    """

    def milliseconds(graph: Graph) -> float:
        from lissom.backends.c import Artifact, emit
        from lissom.backends.c.costs import cycles
        from lissom.backends.c.emit import plan_program
        from lissom.backends.c.host import missing, resolve
        from lissom.kernels.table import SEVERAL
        from lissom.passes.check import random_feed

        one = graph.bind({s: 1 for i in graph.inputs for d in i.type.dims[:1] for s in _names(d)})
        wanted = resolve(target or "portable")
        several = SEVERAL.get(wanted, (wanted,))
        if missing(several[-1]):
            return cycles(plan_program(one, several[0])[2]) / CYCLES_A_MILLISECOND
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder, "timed")
            emit(one, out, target=target or "portable")
            feed = random_feed(one, 32, 0)
            return 1000 * Artifact(out).time(*feed.values())

    return milliseconds


def _names(d: object) -> tuple[str, ...]:
    from lissom.ir.dims import SymDim, symbols

    return tuple(symbols(d)) if isinstance(d, SymDim) else ()
