"""Quantization: decide with FakeQuant, realize as integers."""

from __future__ import annotations

from typing import Literal

from lissom.passes.fold import fold
from lissom.passes.graph_pass import Step, macro_pass
from lissom.passes.quantize.fake_quantize import fake_quantize
from lissom.passes.quantize.integerize import integerize
from lissom.passes.quantize.observers import Method


@macro_pass
def quantize(
    *,
    dtype: Literal["int8", "uint8"] = "int8",
    observer: Method = "minmax",
    percentile: float = 99.99,
    exclude: tuple[str, ...] = (),
) -> list[Step]:
    """Quantize to 8-bit integers after training: fold, calibrate on data, and lower to integer ops.

    dtype: integer type of activations; weights are int8, one scale per output channel.
    observer: how ranges are found: the extremes seen, or a percentile of all values.
    percentile: share of the values, in percent, that the percentile observer keeps in range.
    exclude: names of ops that stay float.
    """
    options = {"dtype": dtype, "observer": observer, "percentile": percentile, "exclude": exclude}
    return [fold.step(), fake_quantize.step(**options), integerize.step()]
