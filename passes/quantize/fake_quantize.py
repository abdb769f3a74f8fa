"""The decision to quantize: FakeQuant on every weight and activation that an integer op will read or write."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np

from lissom.ir.constant import constant_data
from lissom.ir.errors import DataError, Error
from lissom.ir.families.elementwise import Binary
from lissom.ir.families.quantization import RANGES
from lissom.ir.graph import Graph
from lissom.ir.op import Op
from lissom.ir.ops.binarize import Binarize
from lissom.ir.ops.conv_transpose import ConvTranspose
from lissom.ir.ops.fake_quant import FakeQuant
from lissom.ir.ops.mat_mul import MatMul
from lissom.ir.types import Array, DType
from lissom.ir.values import Const, Input, Value
from lissom.passes import notes
from lissom.passes.data import Data
from lissom.passes.factorize.keep import Judge, Keep
from lissom.passes.factorize.measure import Clock
from lissom.passes.graph_pass import Kind, State, graph_pass
from lissom.passes.naming import named
from lissom.passes.quantize.grids import channel_axis_of, integer_units, is_pointwise, place, sources
from lissom.passes.quantize.keep import stay_float
from lissom.passes.quantize.layers import bias_of, output_axis, weight_of
from lissom.passes.quantize.observe import observe
from lissom.passes.quantize.observers import Method, Observer
from lissom.passes.quantize.scales import affine, least_squares, symmetric, weight_limits
from lissom.passes.quantize.signs import scale_of_signs
from lissom.passes.quantize.steps import same_places

ActivationType: TypeAlias = Literal["int8", "uint8", "int16", "int4", "uint4", "int2", "uint2"]
WeightType: TypeAlias = Literal["int8", "int4", "int2"]
LARGEST_BIAS = 2**30
"""The largest integer that a bias may become: what is summed up besides has as much room."""
WEIGHT_TYPES = ("int8", "int4", "int2")

SIGN = 1 / 64
"""The scale of activations that are signs."""


@graph_pass(Kind.decide, needs=[State.floats, State.gridless], ends=[State.gridless])
def fake_quantize(
    graph: Graph,
    *,
    dtype: ActivationType = "int8",
    weights: WeightType = "int8",
    observer: Method = "mse",
    percentile: float = 99.99,
    symmetric_grids: bool = False,
    weight_observer: Literal["minmax", "mse"] | None = None,
    reduced_range: bool = False,
    weight_scales: Literal["channel", "tensor"] = "channel",
    exclude: tuple[str, ...] = (),
    layers: tuple[str, ...] = (),
    samples: int | None = None,
    keep: Keep = "always",
    clock: Clock | None,
    data: Data,
) -> None:
    """Calibrate on data and put FakeQuant on weights and activations (Jacob et al. 2018, arXiv:1712.05877).

    Weights become symmetric; activations ``dtype``, one scale per tensor. Activations of fewer than 8 bits use part of
    the range of a byte; the inputs of the network and what leaves the integers keep 8.

    dtype: integer type of activations; int16 stays between QuantizeLinear and DequantizeLinear.
    weights: integer type of weights.
    observer: how ranges are found: the extremes seen, their moving average, a percentile, the least squared error, or
        the least divergence.
    percentile: share of the values, in percent, that the percentile observer keeps in range.
    symmetric_grids: whether grids of activations have zero in the middle.
    weight_observer: how ranges of weights are found; by default the extremes for int8, the least squared error below.
    reduced_range: whether int8 weights keep within -64 and 64: x86 processors without VNNI multiply those faster.
    weight_scales: whether each output channel of a layer's weights has its scale, or all of them one.
    exclude: names of ops that stay float; first and last are names of those layers.
    layers: what single layers get instead, such as "conv1=int8" or "last=float".
    samples: how many of the samples are calibrated on, at most; none: all.
    keep: whether a layer becomes integer only if that is faster, by the clock of the run.
    """
    if not 0 < percentile <= 100:
        raise Error(f"percentile is above 0 and at most 100, got {percentile:g}")
    kinds = layer_kinds(graph, layers)
    out = [op.name for name in exclude for op in named(graph, name, with_weights(graph), "exclude")]
    floats = frozenset((*out, *(name for name, kind in kinds.items() if kind == "float")))
    kept: dict[Op, str] = {}
    judge = Judge(clock, keep)
    if keep == "if_faster":
        floats |= stay_float([op for op, _ in integer_units(graph, floats)], judge)
        judge.report()
    units = list(integer_units(graph, floats, kept))
    kept |= judge.slow
    notes.table("kept_float", lambda: [{"layer": k.name, "op": k.op_type, "reason": why} for k, why in kept.items()])
    grids = place(units)
    for a, b in same_places(graph):
        if grids.holds(a) and grids.holds(b):
            grids.tie([a, b])
    groups = list(grids.groups())
    inner = {s for op, _ in units for v in op.operands for s in sources(v)}
    kept_types = {group[0]: _grid_type(DType[dtype], group, inner) for group in groups}
    watched = {
        v: Observer(observer if v in inner else "minmax", percentile, high - low)
        for group in groups
        for _, low, high in [kept_types[group[0]]]
        for v in group
    }  # what leaves the integers keeps its extremes: the largest logit decides
    for op, _ in units:
        _require_finite(op, weight_of(op))
    observe(graph, watched, data, samples)
    for group in groups:
        ranges = [watched[v].range() for v in group]
        bounds = min(r[0] for r in ranges), max(r[1] for r in ranges)
        stored, low, high = kept_types[group[0]]
        scale, zero_point = affine(bounds, stored, symmetric=symmetric_grids, limits=(low, high))
        if all(isinstance(v, Binarize) for v in group):  # 1 and -1 are exact, not the ends of a range
            # and are many steps apart where there is room: a bias, whose grid is a product of scales, is as fine then
            scale = np.full_like(scale, SIGN if high - low == 255 else 1)
            zero_point = np.zeros_like(zero_point) + (high + low + 1) // 2
        s, z = Const(scale, f"{group[0].name}.scale"), Const(zero_point, f"{group[0].name}.zero_point")
        for v in group:  # who shares a grid shares its constants, also where these learn
            graph.replace(v, FakeQuant(v, s, z, low, high).named(f"{v.name}.quant", v.loc))
    for op, _ in units:
        kind = DType[kinds.get(op.name, weights)]
        method = weight_observer or ("minmax" if kind is DType.int8 else "mse")
        quantize_weights(graph, op, kind, method, reduced_range, weight_scales)
        notes.done("quantize", op)


def _grid_type(wanted: DType, group: list[Value], inner: set[Value]) -> tuple[DType, int, int]:
    """The type that activations are stored in, and the smallest and largest integer of their grid."""
    stored = wanted if wanted.bits >= 8 else DType.int8 if wanted.value.startswith("int") else DType.uint8
    at_edge = any(isinstance(v, Input) or v not in inner for v in group)
    return stored, *RANGES[stored if at_edge else wanted]


def layer_kinds(graph: Graph, layers: tuple[str, ...]) -> dict[str, str]:
    """``("conv1=int8", "last=float")`` by the names of ops; raises Error for a layer or a kind that is not there."""
    found: dict[str, str] = {}
    for entry in layers:
        name, _, kind = entry.rpartition("=")
        if kind not in (*WEIGHT_TYPES, "float"):
            raise Error(f"layers: {entry!r} is not NAME=KIND with a KIND of {', '.join(WEIGHT_TYPES)}, float")
        found |= {op.name: kind for op in named(graph, name, with_weights(graph), "layers")}
    return found


def with_weights(graph: Graph) -> list[Op]:
    """The ops with weights, in order."""
    return [op for op in graph.ops if weight_of(op) is not None]


def _require_finite(op: Op, w: Value | None) -> None:
    """Raises DataError for weights that no grid holds, before a calibration run would find what comes of them."""
    if w is not None and not np.isfinite(constant_data(w)).all():
        raise DataError(f"the weights {w.name!r} of {op.describe()} hold NaN or Inf, which cannot be quantized")


def _least_scale(op: Op) -> Array:
    """The scales of weights from which on the integer bias of each channel, in steps of inputs times weights, fits.

    A channel whose weights are next to nothing would otherwise keep its layer from being integer.
    """
    grid, bias = (sources(op.operands[0]) or [op.operands[0]])[0], bias_of(op)
    if bias is None or not isinstance(grid, FakeQuant) or not isinstance(grid.scale, Const):
        return np.zeros((), np.float32)
    least = np.abs(bias.data.reshape(-1).astype(np.float64)) / (LARGEST_BIAS * float(grid.scale.data.reshape(-1)[0]))
    return least.astype(np.float32)


def _same_grid(a: FakeQuant, b: FakeQuant) -> bool:
    """Whether two grids of the same weights are one."""
    held = [(f.scale, f.zero_point) for f in (a, b)]
    same = all(
        isinstance(v, Const) and isinstance(w, Const) and v.type == w.type and (v.data == w.data).all()
        for v, w in zip(*held, strict=True)
    )
    return same and (a.low, a.high, a.axis, a.chosen) == (b.low, b.high, b.axis, b.chosen)


def quantize_weights(
    graph: Graph,
    op: Op,
    dtype: DType,
    method: Literal["minmax", "mse"],
    reduced: bool = False,
    scales: Literal["channel", "tensor"] = "channel",
) -> None:
    """Put FakeQuant on the operand of ``op`` that is constant or computed from constants, if it has one."""
    w, axis = weight_of(op), None
    if isinstance(w, FakeQuant):
        return
    if w is not None:
        # The output channels of a grouped transposed convolution do not lie along one axis of its weights.
        axis = None if isinstance(op, ConvTranspose) and op.group > 1 else output_axis(op)
    elif is_pointwise(op) or channel_axis_of(op) is not None or not isinstance(op, Binary | MatMul):
        return  # a table takes in numbers as they are; other constants say how an op works
    else:
        constants = [v for v in op.operands if isinstance(v, Const) and v.type.dtype is DType.float32]
        if len(constants) != 1 or len(op.operands) != 2:
            return
        w, dtype, method = constants[0], DType.int8, "minmax"
    _require_finite(op, w)
    data = constant_data(w)
    if (signs := scale_of_signs(w)) is not None:
        dtype, low, high, scale = DType.int2, -1, 1, signs
    else:
        low, high = weight_limits(dtype, reduced)
        along = axis if scales == "channel" else None
        scale = symmetric(data, along, high) if method == "minmax" else least_squares(data, along, low, high)
    if axis is not None:
        least = _least_scale(op)
        scale = np.maximum(scale, least if scales == "channel" or scale.ndim else least.max())
    zeros = np.zeros(scale.shape, dtype.numpy)
    s, z = Const(scale, f"{w.name}.scale"), Const(zeros, f"{w.name}.zero_point")
    fake = FakeQuant(w, s, z, low, high, axis=axis or 0).named(f"{w.name}.quant", w.loc)
    fake = next((f for f in w.users if isinstance(f, FakeQuant) and _same_grid(f, fake)), fake)  # of a shared weight
    field = next(f.name for f in type(op).fields if getattr(op, f.name) is w)
    graph.replace(op, op.replace(**{field: fake}))
