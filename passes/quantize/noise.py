"""Signal to noise of every layer, and which one loses most."""

from __future__ import annotations

import math

import torch

from lissom.ir.graph import Graph
from lissom.ir.interpreter import run_op
from lissom.ir.op import Op
from lissom.ir.ops.add import Add
from lissom.ir.ops.clip import Clip
from lissom.ir.ops.fake_quant import FakeQuant
from lissom.ir.ops.relu import Relu
from lissom.ir.values import Const, Value, producer
from lissom.passes import notes
from lissom.passes.data import Data
from lissom.passes.graph_pass import Kind, graph_pass
from lissom.passes.quantize.layers import is_on_grid, weight_of
from lissom.passes.quantize.twin import Twin, feeds_of

CEILING = 120.0
"""Decibels from which a value counts as exact."""


@graph_pass(Kind.exact)
def measure_noise(graph: Graph, *, samples: int = 16, data: Data) -> None:
    """Measure for every layer what quantization costs it; the graph stays as it is. ``explain`` shows the table.

    Weights, grid: signal over noise in decibels, when only the layer's weights or only its result are quantized.
    Result: all of it, with what the layers before it have lost.

    samples: how many of the calibration samples are used, at most.
    """
    twin = Twin(graph, feeds_of(data, samples, graph))
    noise = Noise(twin)
    twin.walk(after=noise.after)
    noise.tell()


def decibels(signal: torch.Tensor, got: torch.Tensor) -> float:
    """Power of the signal over the power of the difference; at most ``CEILING``."""
    power, error = float(torch.linalg.vector_norm(signal)) ** 2, float(torch.linalg.vector_norm(signal - got)) ** 2
    if error == 0.0 or power == 0.0:
        return CEILING if error == 0.0 else 0.0
    return min(CEILING, 10 * math.log10(power / error))


def together(*parts: float) -> float:
    """Decibels of several independent noises on one signal."""
    return -10 * math.log10(sum(10 ** (-p / 10) for p in parts))


class Noise:
    """Collects the figures while a twin is walked, on its first batch."""

    def __init__(self, twin: Twin) -> None:
        self.twin = twin
        self.weights: dict[Value, float] = {}
        self.rows: list[tuple[Op, dict[str, float]]] = []

    def after(self, op: Op) -> None:
        """The visitor: figures of a layer's weights, and of a value that comes to lie on a grid."""
        twin = self.twin
        if is_on_grid(w := weight_of(op)):
            lane = twin.lanes[0]
            own = {v: lane.noisy[v] if v is w else lane.exact[v] for v in op.operands}
            self.weights[op] = decibels(lane.exact[op], run_op(op, own)[0])
        elif isinstance(op, FakeQuant) and not isinstance(op.x, Const):
            lane = twin.lanes[0]
            exact = lane.exact[op]
            own = {v: exact if v is op.x else lane.noisy[v] for v in op.operands}
            grid = decibels(exact, run_op(op, own)[0])
            layer = self._layer(op.x)
            weights = self.weights.get(layer, CEILING) if layer is not None else CEILING
            self.rows.append(
                (
                    layer or op,
                    {
                        "weights_db": round(weights, 1),
                        "grid_db": round(grid, 1),
                        "own_db": round(together(weights, grid), 1),
                        "result_db": round(decibels(exact, lane.noisy[op]), 1),
                    },
                )
            )

    def _layer(self, v: Value) -> Op | None:
        """The layer with weights whose unit ends in ``v``, or the op that gives ``v``."""
        made = last = producer(v)
        while isinstance(made, Relu | Clip) or (isinstance(made, Add) and isinstance(made.b, Const)):
            made = next((p for o in made.operands if (p := producer(o)) is not None), None)
        return made if made in self.weights else last

    def tell(self) -> None:
        """Hand the rows to the report, and name the layer that loses most."""
        notes.table("noise", lambda: [{"layer": op.name, "op": op.op_type, **figures} for op, figures in self.rows])
        if self.rows:
            op, figures = min(self.rows, key=lambda row: row[1]["own_db"])
            own, all_ = figures["own_db"], figures["result_db"]
            notes.done("noise", op, f"loses most: {own} dB for what is lost here, {all_} dB with what is lost before")
