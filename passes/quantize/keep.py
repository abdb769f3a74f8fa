"""Never slower: layers that integers would slow down stay in float, by the clock of the run."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lissom.ir.op import Op
from lissom.ir.ops.dequantize_linear import DequantizeLinear
from lissom.ir.ops.fake_quant import FakeQuant
from lissom.ir.ops.quantize_linear import QuantizeLinear
from lissom.ir.types import DType
from lissom.ir.values import Const, Value
from lissom.passes.factorize.keep import Judge
from lissom.passes.factorize.measure import alone
from lissom.passes.quantize.integerize import realize
from lissom.passes.quantize.layers import weight_of


def stay_float(ops: Sequence[Op], judge: Judge) -> frozenset[str]:
    """The names of those layers with weights that ``judge`` finds no faster on bytes. A layer is timed alone, from
    bytes to bytes, so what it takes to get there from a float neighbour is not counted."""
    slow: set[str] = set()
    for op in ops:
        if weight_of(op) is None:
            continue
        integers = integer_form(op)
        if integers and judge.slower(op, integers):
            judge.merge_back(op)
            slow.add(op.name)
        if integers:
            judge.note(op, "float, as it was" if op.name in slow else "int8")
    return frozenset(slow)


def integer_form(op: Op) -> list[Op]:
    """What a layer becomes on uint8 activations and int8 weights; empty where it has no integer form. Its grids are
    made up, since time does not depend on them."""
    graph = alone([op])
    layer = graph.ops[0]
    for v in dict.fromkeys(layer.operands[:2]):
        if v is not None and v.type.dtype is DType.float32:
            graph.replace(v, _weights(v) if isinstance(v, Const) else _activation(v))
    layer = next(o for o in graph.ops if type(o) is type(op))
    graph.replace(layer, _activation(layer))
    realize(graph)
    found = [o for o in graph.ops if not isinstance(o, QuantizeLinear | DequantizeLinear)]
    return found if all(o.op_type.startswith("QLinear") for o in found) else []


def _activation(v: Value) -> FakeQuant:
    return FakeQuant(v, Const(np.float32(0.05)), Const(np.uint8(128)), 0, 255)


def _weights(v: Const) -> FakeQuant:
    scale = np.float32(max(float(np.abs(v.data).max(initial=0.0)), 1e-3) / 127)
    return FakeQuant(v, Const(scale), Const(np.int8(0)), -127, 127)
