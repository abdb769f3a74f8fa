"""How far an integer graph may be from the fake-quantized float graph it realizes."""

from __future__ import annotations

import numpy as np

from lissom.ir.families.quantization import RANGES
from lissom.ir.ops.clip import Clip
from lissom.ir.ops.dequantize_linear import DequantizeLinear
from lissom.ir.types import Array, DType
from lissom.ir.values import Const, Value
from lissom.passes.compare import Comparison, Verdict, relative_error

BYTES = (DType.int8, DType.uint8)


def steps(mean: float = 1.0, largest: int = 16) -> Comparison:
    """Outputs agree within ``mean`` steps of their scale on average, and ``largest`` steps anywhere.

    The float graph rounds sums in float32 and keeps its biases in float, so that now and then a value falls to the
    other side of a rounding boundary; a later layer may carry that on, but it stays small on average. Where activations
    have fewer than 8 bits, the step it then takes is that much larger, and so is what is allowed.
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
        coarse = _coarseness(value)
        return Verdict(average <= mean * coarse and most <= largest * coarse, error, text)

    return compare


def _coarseness(value: Value) -> float:
    """Steps of 8 bits in the largest step of a grid of activations, which is a byte cut to fewer integers."""
    cuts = [op for op in (value.graph.ops if value.graph else ()) if isinstance(op, Clip) and op.type.dtype in BYTES]
    widths = []
    for cut in cuts:
        low, high = RANGES[cut.type.dtype]
        ends = [end.data.item() if isinstance(end, Const) else last for end, last in ((cut.min, low), (cut.max, high))]
        widths.append(ends[1] - ends[0])
    return 255 / max(1, min((w for w in widths if w < 16), default=255))
