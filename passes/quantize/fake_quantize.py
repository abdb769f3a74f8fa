"""The decision to quantize: FakeQuant on every weight and activation that an integer op will read or write."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch

from lissom.ir.errors import DataError
from lissom.ir.graph import Graph
from lissom.ir.interpreter import evaluate
from lissom.ir.op import Op
from lissom.ir.ops.conv import Conv
from lissom.ir.ops.fake_quant import FakeQuant
from lissom.ir.ops.gemm import Gemm
from lissom.ir.ops.mat_mul import MatMul
from lissom.ir.quantization import RANGES
from lissom.ir.types import DType
from lissom.ir.values import Const, Value
from lissom.passes import notes
from lissom.passes.data import Data
from lissom.passes.graph_pass import Kind, graph_pass
from lissom.passes.quantize.grids import integer_units, place
from lissom.passes.quantize.observers import Method, Observer, affine, symmetric

BATCH = 100  # samples a calibration batch, which bounds memory


@graph_pass(Kind.decide)
def fake_quantize(
    graph: Graph,
    *,
    dtype: Literal["int8", "uint8"] = "int8",
    observer: Method = "minmax",
    percentile: float = 99.99,
    exclude: tuple[str, ...] = (),
    data: Data,
) -> None:
    """Calibrate on data and put FakeQuant on weights and activations (Jacob et al. 2018, arXiv:1712.05877).

    Weights become int8, symmetric, one scale per output channel; activations ``dtype``, affine, one scale per tensor.

    dtype: integer type of activations.
    observer: how ranges are found: the extremes seen, or a percentile of all values.
    percentile: share of the values, in percent, that the percentile observer keeps in range.
    exclude: names of ops that stay float.
    """
    units = list(integer_units(graph, frozenset(exclude)))
    groups = list(place(units).groups())
    observers = observe(graph, {v for group in groups for v in group}, data, observer, percentile)
    for group in groups:
        ranges = [observers[v].range() for v in group]
        scale, zero_point = affine((min(r[0] for r in ranges), max(r[1] for r in ranges)), DType[dtype])
        low, high = RANGES[DType[dtype]]
        for v in group:
            s, z = Const(scale, f"{v.name}.scale"), Const(zero_point, f"{v.name}.zero_point")
            graph.replace(v, FakeQuant(v, s, z, low, high).named(f"{v.name}.quant", v.loc))
    for op, _ in units:
        quantize_weights(graph, op)
        notes.done("quantize", op)


def observe(graph: Graph, values: set[Value], data: Data, method: Method, percentile: float) -> dict[Value, Observer]:
    """Run the graph over the data and watch ``values``; inputs and constants among them are watched too."""
    observers = {v: Observer(method, percentile) for v in values}
    for v in values:
        if isinstance(v, Const):
            observers[v].see(torch.from_numpy(np.array(v.data)), v.name)

    def watch(value: Value, tensor: torch.Tensor) -> None:
        if value in observers:
            observers[value].see(tensor, value.name)

    batches = 0
    for batch in data.batches(BATCH):
        feed = [batch.feed[i.name] for i in graph.inputs]
        for i, array in zip(graph.inputs, feed, strict=True):
            if i in observers:
                observers[i].see(torch.from_numpy(array), i.name)
        evaluate(graph, *feed, observe=watch)
        batches += 1
    if not batches:
        raise DataError("there is no calibration data: the set is empty")
    return observers


def quantize_weights(graph: Graph, op: Op) -> None:
    """Put FakeQuant on the constant operand of ``op``, if it has one; int8, symmetric."""
    axis: int | None
    match op:
        case Conv(_, Const() as w):
            axis = 0
        case Gemm(_, Const() as w):
            axis = 0 if op.transB else 1
        case MatMul(_, Const() as w):
            axis = 1 if w.data.ndim == 2 else None
        case _:
            constants = [v for v in op.operands if isinstance(v, Const) and v.type.dtype is DType.float32]
            if len(constants) != 1 or len(op.operands) != 2:
                return
            w, axis = constants[0], None
    scale = symmetric(w.data, axis)
    s, z = Const(scale, f"{w.name}.scale"), Const(np.zeros(scale.shape, np.int8), f"{w.name}.zero_point")
    fake = FakeQuant(w, s, z, -127, 127, axis=axis or 0).named(f"{w.name}.quant", w.loc)
    graph.replace(op, op.replace(**{_field_of(op, w): fake}))


def _field_of(op: Op, value: Value) -> str:
    return next(f.name for f in type(op).fields if getattr(op, f.name) is value)
