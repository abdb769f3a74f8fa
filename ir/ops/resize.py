from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from math import floor

import numpy as np
import torch

from lissom.ir.axes import all_from_front
from lissom.ir.channels.atoms import Factor, Layout
from lissom.ir.channels.flow import Flow
from lissom.ir.channels.kept import Kept, resized_shape
from lissom.ir.contents import elements
from lissom.ir.dims import Dim, symbol
from lissom.ir.families.bits import by_bits
from lissom.ir.families.pooling import HALVES
from lissom.ir.families.resampling import Axis, coordinates, nearest, taps, weighted
from lissom.ir.op import Op
from lissom.ir.samples import literal, value
from lissom.ir.types import Array, DType, TensorType
from lissom.ir.unknown import unknown_size
from lissom.ir.values import Const, Value


class Resize(Op):
    """x resampled along ``axes`` (all by default), to ``sizes`` or by ``scales``; one of the two is given.

    ``roi`` (starts, then ends, as fractions) is read by ``tf_crop_and_resize`` only. An empty operand counts as absent.
    Interpolation is separable; ``linear`` and ``cubic`` compute integers in float64, round half to
    even and saturate.
    """

    x: Value
    roi: Value | None = None
    scales: Value | None = None
    sizes: Value | None = None
    mode: str = "nearest"
    coordinate_transformation_mode: str = "half_pixel"
    nearest_mode: str = "round_prefer_floor"
    cubic_coeff_a: float = -0.75
    antialias: bool = False
    exclude_outside: bool = False
    extrapolation_value: float = 0.0
    keep_aspect_ratio_policy: str = "stretch"
    axes: tuple[int, ...] = ()

    @property
    def resized_axes(self) -> tuple[int, ...]:
        """The axes that ``scales``, ``sizes`` and ``roi`` speak of, counted from the front."""
        rank = self.x.type.rank
        return all_from_front(self, self.axes, rank) if self.axes else tuple(range(rank))

    def infer(self) -> TensorType:
        given = [v for v in (self.scales, self.sizes) if v is not None and v.type.shape != (0,)]
        self.require(len(given) == 1, "either scales or sizes", [v.type for v in given])
        axes = self.resized_axes
        out: list[Dim] = list(self.x.type.dims)
        held = [out[a] for a in axes]
        sizes = elements(self.sizes) if given[0] is self.sizes else None
        if isinstance(self.scales, Const) and given[0] is self.scales:
            self.require(self.scales.data.size == len(axes), f"{len(axes)} scales", self.scales.type)
            found: Sequence[Dim] = [_scaled(d, s) for d, s in zip(held, self.scales.data, strict=True)]
        elif sizes is not None and self.keep_aspect_ratio_policy == "stretch":
            found = sizes
        elif sizes is not None and all(isinstance(d, int) for d in (*sizes, *held)):
            wanted = np.array(sizes, dtype=np.int64)
            found = self._fitted(np.array(held, dtype=np.int64), wanted)[0]
        else:
            found = [unknown_size(self, a) for a in axes]
        self.require(len(found) == len(axes), f"{len(axes)} sizes", len(found))
        for a, d in zip(axes, found, strict=True):
            out[a] = d
        return TensorType(self.x.type.dtype, tuple(out))

    def _fitted(self, held: Array, wanted: Array) -> tuple[list[int], float]:
        """Sizes that keep the aspect ratio, and the scale they come from."""
        scales = wanted / held
        scale = float(scales.min() if self.keep_aspect_ratio_policy == "not_larger" else scales.max())
        return [floor(scale * float(h) + 0.5) for h in held], scale

    def _plan(self, shape: Sequence[int], roi: Array | None, scales: Array | None, sizes: Array | None) -> list[Axis]:
        axes = self.resized_axes
        held = np.array([shape[a] for a in axes], dtype=np.int64)
        if sizes is not None and self.keep_aspect_ratio_policy != "stretch":
            resized, scale = self._fitted(held, sizes)
            factors = [scale] * len(axes)
            lengths = [scale * float(h) for h in held]
        elif sizes is not None:
            resized = [int(s) for s in sizes]
            factors = [r / int(h) if h else 1.0 for r, h in zip(resized, held, strict=True)]
            lengths = [float(r) for r in resized]
        else:
            assert scales is not None
            factors = [float(s) for s in scales]
            resized = [_scaled_size(int(h), s) for h, s in zip(held, factors, strict=True)]
            lengths = [s * float(h) for h, s in zip(held, factors, strict=True)]
        region = [0.0] * len(axes) + [1.0] * len(axes) if roi is None else [float(r) for r in roi]
        return [
            Axis(a, int(held[i]), resized[i], factors[i], lengths[i], region[i], region[i + len(axes)])
            for i, a in enumerate(axes)
        ]

    def run(
        self,
        x: torch.Tensor,
        roi: torch.Tensor | None = None,
        scales: torch.Tensor | None = None,
        sizes: torch.Tensor | None = None,
    ) -> torch.Tensor:
        crop = self.coordinate_transformation_mode == "tf_crop_and_resize"
        plan = self._plan(x.shape, _array(roi) if crop else None, _array(scales), _array(sizes))
        plan = [a for a in plan if not a.trivial]
        if self.mode == "nearest":
            y = by_bits(lambda t: self._nearest(t, plan), x)
        elif x.dtype in HALVES:
            y = self._interpolated(x.float(), plan).to(x.dtype)
        elif x.is_floating_point():
            y = self._interpolated(x, plan)
        else:
            limits = torch.iinfo(x.dtype)
            y = self._interpolated(x.double(), plan).round().clamp(limits.min, limits.max).to(x.dtype)
        return self._extrapolated(y, plan) if crop else y

    def _nearest(self, x: torch.Tensor, plan: list[Axis]) -> torch.Tensor:
        for a in plan:
            where = coordinates(self.coordinate_transformation_mode, a, np.float32)
            x = x.index_select(a.axis, torch.from_numpy(nearest(where, self.nearest_mode, a.size)))
        return x

    def _interpolated(self, x: torch.Tensor, plan: list[Axis]) -> torch.Tensor:
        for a in plan:
            where = coordinates(self.coordinate_transformation_mode, a, np.float64)
            indices, weights = taps(where, a, self.mode, self.cubic_coeff_a, self.antialias, self.exclude_outside)
            x = weighted(x, a.axis, indices, weights)
        return x

    def _extrapolated(self, y: torch.Tensor, plan: list[Axis]) -> torch.Tensor:
        """``y`` with the extrapolation value wherever the source coordinate lies outside x."""
        for a in plan:
            where = coordinates(self.coordinate_transformation_mode, a, np.float64)
            outside = torch.from_numpy((where < 0) | (where > a.size - 1))
            y = y.masked_fill(outside.reshape(-1, *[1] * (y.ndim - a.axis - 1)), self.extrapolation_value)
        return y

    def macs(self) -> int:
        taps_each = {"linear": 2, "cubic": 4}.get(self.mode, 0)
        changed = sum(a != b for a, b in zip(self.x.type.dims, self.type.dims, strict=True))
        return self.type.size() * taps_each * changed

    def channels(self, flow: Flow) -> Layout | tuple[Layout, ...]:
        sizes = list(zip(self.x.type.dims, self.type.dims, strict=True))
        changed = [axis for axis, (old, new) in enumerate(sizes) if old != new or axis > 1]
        layout = flow.keep(self, self.x, changed, "it is resized")
        for axis in changed:
            layout = layout.with_axis(axis, (Factor(self.type.dims[axis]),))
        return layout

    def resized(self, operands: Mapping[Value, Value], kept: Kept) -> Op:
        if self.sizes is None or self.sizes.type.shape == (0,):
            return self._on(operands)
        sizes = [kept.size(self, a) for a in self.resized_axes]
        return self._on({**operands, self.sizes: resized_shape(operands[self.sizes], sizes)})

    @staticmethod
    def samples() -> Iterable[Op]:
        x = value("x", 1, 2, 5, 6)
        float32 = DType.float32
        yield Resize(x, None, literal("scales", [1, 1, 2, 2], float32), coordinate_transformation_mode="asymmetric")
        yield Resize(
            value("x", symbol("N"), 2, symbol("H"), 6),
            None,
            literal("scales", [1, 1, 2.0, 0.5], float32),
            mode="linear",
        )
        yield Resize(
            x,
            None,
            None,
            literal("sizes", [9, 4]),
            mode="cubic",
            axes=(2, 3),
            coordinate_transformation_mode="align_corners",
        )
        yield Resize(x, None, None, literal("sizes", [1, 2, 3, 4]), mode="linear", antialias=True)
        yield Resize(x, None, literal("scales", [0.8, 1.3], float32), mode="cubic", axes=(2, 3), exclude_outside=True)
        yield Resize(
            x,
            None,
            None,
            literal("sizes", [7, 7]),
            axes=(-2, -1),
            keep_aspect_ratio_policy="not_larger",
            nearest_mode="ceil",
        )
        yield Resize(
            x,
            literal("roi", [0, 0, 0.4, -0.2, 1, 1, 1.2, 0.8], float32),
            None,
            literal("sizes", [1, 2, 3, 3]),
            mode="linear",
            coordinate_transformation_mode="tf_crop_and_resize",
            extrapolation_value=10.0,
        )
        yield Resize(value("x", 1, 1, 4, 4, dtype=DType.uint8), None, None, literal("sizes", [1, 1, 3, 6]))


def _array(tensor: torch.Tensor | None) -> Array | None:
    """The elements of an operand; None where it is absent or empty."""
    return None if tensor is None or tensor.numel() == 0 else np.asarray(tensor.detach().double().numpy())


def _scaled_size(size: int, scale: float) -> int:
    # The product is taken in float32, as ONNX shape inference and onnxruntime do: 10 * 0.7 is 7 there.
    return int(np.floor(np.float32(size) * np.float32(scale)))


def _scaled(size: Dim, scale: float) -> Dim:
    """``floor(size * scale)``; for a symbol with the simplest fraction that is ``scale`` in float32."""
    if isinstance(size, int):
        return _scaled_size(size, float(scale))
    ratio = Fraction(float(scale))
    for limit in (16, 256, 4096):
        simple = ratio.limit_denominator(limit)
        if np.float32(simple.numerator / simple.denominator) == np.float32(scale):
            ratio = simple
            break
    return size * ratio.numerator // ratio.denominator
