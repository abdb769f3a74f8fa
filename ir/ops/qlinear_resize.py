from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch

from lissom.ir.families.integer import UnaryInteger
from lissom.ir.families.quantization import centred, requantize
from lissom.ir.families.resampling import Axis, coordinates, taps, weighted
from lissom.ir.op import Op
from lissom.ir.ops.resize import Resize
from lissom.ir.samples import int8_triple, literal, uint8_triple
from lissom.ir.types import Array, DType, TensorType
from lissom.ir.values import Value

BITS = {1: 14, 2: 10, 3: 6}
"""Bits behind the point of the weights, by the number of axes resized: sums of products stay within int32."""


class QLinearResize(UnaryInteger):
    """Resize by interpolation (linear or cubic) on 8-bit tensors, with weights in fixed point.

    The weights of an output along one axis become integers that sum to exactly 2**k: rounded to nearest, what is left
    over goes to the largest of them (the first of equal ones). k is 14, 10 or 6 for one, two or three axes, n, so that
    y = requantize(sum of products of weights and x - zx), multiplier x_scale / (y_scale * 2**(k*n)), is exact in int32.
    """

    scales: Value | None = None
    sizes: Value | None = None
    mode: str = "linear"
    coordinate_transformation_mode: str = "half_pixel"
    cubic_coeff_a: float = -0.75
    antialias: bool = False
    exclude_outside: bool = False
    keep_aspect_ratio_policy: str = "stretch"
    axes: tuple[int, ...] = ()

    def infer(self) -> TensorType:
        self.require(self.mode in ("linear", "cubic"), "linear or cubic", self.mode)
        mode = self.coordinate_transformation_mode
        self.require(mode != "tf_crop_and_resize", "coordinates within x", mode)
        return super().infer()

    def real(self, *operands: Value) -> Resize:
        (x,) = operands
        return Resize(x, None, self.scales, self.sizes, **self.attributes)

    def weights(
        self, shape: tuple[int, ...], scales: Array | None, sizes: Array | None
    ) -> list[tuple[Axis, Array, Array]]:
        """For each axis that is resized: indices and integer weights, (outputs, taps)."""
        twin = self.real(self.twin().operands[0])
        plan = [a for a in twin._plan(shape, None, scales, sizes) if not a.trivial]
        self.require(len(plan) <= max(BITS), f"at most {max(BITS)} axes that are resized", len(plan))
        found = []
        for a in plan:
            where = coordinates(self.coordinate_transformation_mode, a, np.float64)
            index, weight = taps(where, a, self.mode, self.cubic_coeff_a, self.antialias, self.exclude_outside)
            one = 1 << BITS[len(plan)]
            fixed = np.rint(weight * one).astype(np.int64)
            fixed[np.arange(len(fixed)), fixed.argmax(1)] += one - fixed.sum(1)
            found.append((a, index, fixed))
        return found

    def run(
        self,
        x: torch.Tensor,
        x_scale: torch.Tensor,
        x_zero_point: torch.Tensor,
        y_scale: torch.Tensor,
        y_zero_point: torch.Tensor,
        scales: torch.Tensor | None = None,
        sizes: torch.Tensor | None = None,
    ) -> torch.Tensor:
        given = [None if t is None or not t.numel() else t.detach().numpy().astype(np.float64) for t in (scales, sizes)]
        acc, n = centred(x, x_zero_point), 0
        for a, index, weight in (found := self.weights(tuple(x.shape), *given)):
            acc = weighted(acc, a.axis, index, weight.astype(np.float64))
            n = BITS[len(found)] * len(found)
        m = x_scale.float() / (y_scale.float() * float(1 << n))
        return requantize(acc, m, y_zero_point, self.type.dtype)

    @staticmethod
    def samples() -> Iterable[Op]:
        y = literal("sy", 0.037, DType.float32), literal("zy", 3, DType.int8)
        x = int8_triple("x", 2, 3, 5, 6)
        f32 = DType.float32
        yield QLinearResize(*x, *y, literal("scales", [1, 1, 2, 2], f32))
        yield QLinearResize(
            *x, *y, None, literal("sizes", [2, 3, 9, 4]), coordinate_transformation_mode="align_corners"
        )
        yield QLinearResize(*x, *y, literal("scales", [1.7, 0.6], f32), mode="cubic", axes=(2, 3))
        unsigned = literal("sy", 0.03, DType.float32), literal("zy", 128, DType.uint8)
        yield QLinearResize(*uint8_triple("x", 1, 4, 7), *unsigned, None, literal("sizes", [1, 4, 3]), antialias=True)
        yield QLinearResize(*int8_triple("x", 1, 4, 5, 3), *y, literal("scales", [2, 1.5], f32), axes=(1, 2))
