"""Quantization: decide with FakeQuant, realize as integers."""

from __future__ import annotations

from typing import Any, Literal

from lissom.ir.errors import Error
from lissom.passes.factorize.keep import Keep
from lissom.passes.fold import fold
from lissom.passes.graph_pass import Step, macro_pass
from lissom.passes.quantize.bias import correct_bias
from lissom.passes.quantize.brecq import brecq
from lissom.passes.quantize.equalize import equalize as equalize
from lissom.passes.quantize.equalize import smooth as smooth
from lissom.passes.quantize.fake_quantize import ActivationType, WeightType, fake_quantize
from lissom.passes.quantize.integerize import integerize
from lissom.passes.quantize.lsq import learn_steps
from lissom.passes.quantize.mixed import mixed_precision as mixed_precision
from lissom.passes.quantize.noise import measure_noise
from lissom.passes.quantize.observers import Method
from lissom.passes.quantize.qat import Training, training_steps
from lissom.passes.quantize.rounding import adaround, gptq

CALIBRATION = 512
"""Samples that grids are calibrated on, at most, where training follows on all of them."""
ROUNDINGS = {"gptq": gptq, "adaround": adaround, "brecq": brecq}


@macro_pass
def quantize(
    *,
    dtype: ActivationType = "int8",
    weights: WeightType = "int8",
    reduced_range: bool = False,
    observer: Method = "mse",
    percentile: float = 99.99,
    rounding: Literal["nearest", "gptq", "adaround", "brecq"] = "nearest",
    bias_correction: bool = True,
    exclude: tuple[str, ...] = (),
    layers: tuple[str, ...] = (),
    keep: Keep = "always",
    qat: bool = False,
    distill: bool = True,
    learned: bool | None = None,
    training: Training,
) -> list[Step]:
    """Quantize to integers: fold, calibrate on data, train with the rounding in place if asked, lower to integer ops.

    dtype: integer type of activations.
    weights: integer type of weights, one scale per output channel.
    reduced_range: whether int8 weights keep within -64 and 64: x86 processors without VNNI multiply those faster.
    observer: how ranges of activations are found.
    percentile: share of the values, in percent, that the percentile observer keeps in range.
    rounding: how the integers of weights are chosen.
    bias_correction: whether shifts of the mean of a channel are taken back in the biases; not where training does.
    exclude: names of ops that stay float; first and last are names of those layers.
    layers: what single layers get instead of ``weights``, such as "conv1=int8" or "last=float".
    keep: whether a layer becomes integer only if that is faster, by the clock of the run; the others stay float.
    qat: whether to train with the rounding in place (quantization-aware training); what follows is for that alone.
    distill: whether the network as it was teaches, beside labels where the data has them; else labels alone do.
    learned: whether scales are learned (LSQ) or follow what they are for; none: below 8 bits they are.
    """
    options: dict[str, Any] = {"dtype": dtype, "weights": weights, "reduced_range": reduced_range}
    options |= {"observer": observer, "percentile": percentile}
    grids = fake_quantize.step(
        **options, exclude=exclude, layers=layers, keep=keep, samples=CALIBRATION if qat else None
    )
    if qat:
        if rounding != "nearest":
            raise Error(f"quantize: with qat=true training decides the integers, so rounding={rounding} has no place")
        narrow = "8" not in dtype or weights != "int8" or any(not e.endswith(("=int8", "=float")) for e in layers)
        learns = [learn_steps.step()] if (narrow if learned is None else learned) else []
        return [fold.step(training=True), grids, *learns, *training_steps(training, distill), integerize.step()]
    steps = [fold.step(), grids]
    if rounding != "nearest":
        steps.append(ROUNDINGS[rounding].step())
    steps.append(correct_bias.step() if bias_correction else measure_noise.step())
    return [*steps, integerize.step()]
