"""Quantization: decide with FakeQuant, realize as integers."""

from __future__ import annotations

from typing import Literal

from lissom.passes.fold import fold
from lissom.passes.graph_pass import Step, macro_pass
from lissom.passes.quantize.bias import correct_bias
from lissom.passes.quantize.brecq import brecq
from lissom.passes.quantize.equalize import equalize as equalize
from lissom.passes.quantize.equalize import smooth as smooth
from lissom.passes.quantize.fake_quantize import ActivationType, WeightType, fake_quantize
from lissom.passes.quantize.integerize import integerize
from lissom.passes.quantize.mixed import mixed_precision as mixed_precision
from lissom.passes.quantize.noise import measure_noise
from lissom.passes.quantize.observers import Method
from lissom.passes.quantize.rounding import adaround, gptq

ROUNDINGS = {"gptq": gptq, "adaround": adaround, "brecq": brecq}


@macro_pass
def quantize(
    *,
    dtype: ActivationType = "int8",
    weights: WeightType = "int8",
    observer: Method = "mse",
    percentile: float = 99.99,
    rounding: Literal["nearest", "gptq", "adaround", "brecq"] = "nearest",
    bias_correction: bool = True,
    exclude: tuple[str, ...] = (),
    layers: tuple[str, ...] = (),
) -> list[Step]:
    """Quantize to integers after training: fold, calibrate on data, and lower to integer ops.

    dtype: integer type of activations.
    weights: integer type of weights, one scale per output channel.
    observer: how ranges of activations are found.
    percentile: share of the values, in percent, that the percentile observer keeps in range.
    rounding: how the integers of weights are chosen.
    bias_correction: whether shifts of the mean of a channel are taken back in the biases.
    exclude: names of ops that stay float.
    layers: what single layers get instead of ``weights``, such as "conv1=int8" or "fc=float".
    """
    options = {"dtype": dtype, "weights": weights, "observer": observer, "percentile": percentile}
    steps = [fold.step(), fake_quantize.step(**options, exclude=exclude, layers=layers)]
    if rounding != "nearest":
        steps.append(ROUNDINGS[rounding].step())
    steps.append(correct_bias.step() if bias_correction else measure_noise.step())
    return [*steps, integerize.step()]
