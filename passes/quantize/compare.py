"""How far an integer graph may be from the fake-quantized float graph it realizes."""

from __future__ import annotations

import numpy as np

from lissom.ir.ops.dequantize_linear import DequantizeLinear
from lissom.ir.types import Array
from lissom.ir.values import Const, Value
from lissom.passes.compare import Comparison, Verdict, relative_error


def steps(mean: float = 1.0, largest: int = 16) -> Comparison:
    """Outputs agree within ``mean`` steps of their scale on average, and ``largest`` steps anywhere.

    The float graph rounds sums in float32 and keeps its biases in float, so that now and then a value falls to the
    other side of a rounding boundary; a later layer may carry that on, but it stays small on average.
    """

    def compare(expected: Array, got: Array, value: Value) -> Verdict:
        if expected.shape != got.shape:
            return Verdict(False, float("inf"), f"shape {list(expected.shape)} became {list(got.shape)}")
        error = relative_error(expected, got)
        match value:
            case DequantizeLinear(_, Const(scale)) if scale.size == 1:
                step = float(scale.reshape(()))
            case _:
                step = float(np.abs(expected).max(initial=0.0)) / 255 or 1.0
        off = np.abs(expected.astype(np.float64) - got) / step
        average, most = float(off.mean()) if off.size else 0.0, float(off.max(initial=0.0))
        text = f"{average:.3f} steps on average, {most:.0f} at most"
        return Verdict(average <= mean and most <= largest, error, text)

    return compare
