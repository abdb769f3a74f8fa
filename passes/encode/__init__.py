"""Weights of few values: decided on, trained through, and stored as codes.

The passes that decide (``binarize``, ``ternarize``, ``powers_of_two``, ``cluster``) train nothing. The recipes named as
in their papers put the training behind them, which is that of :mod:`lissom.passes.train`.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Literal

from lissom.ir.families.signs import Spread
from lissom.passes.encode.binarize import binarize
from lissom.passes.encode.cluster import cluster
from lissom.passes.encode.encode import encode as encode
from lissom.passes.encode.kmeans import Start
from lissom.passes.encode.powers_of_two import powers_of_two
from lissom.passes.encode.ternarize import ternarize
from lissom.passes.fold import fold
from lissom.passes.graph_pass import Step, macro_pass
from lissom.passes.options import Function
from lissom.passes.train import distill, finetune, losses
from lissom.passes.train.settings import Settings

Loss = Literal["labels"] | losses.Name | Function
"""``labels`` trains on labels alone, everything else on the uncompressed network, and labels where there are some."""


@macro_pass
def binary_connect(
    *,
    scale: Spread = "channel",
    norm: bool = True,
    exclude: tuple[str, ...] = (),
    loss: Loss = "logits",
    settings: Settings,
) -> list[Step]:
    """Train binary weights (BinaryConnect, Courbariaux et al. 2015, arXiv:1511.00363).

    scale: what signs are multiplied with: one, or a number for each channel or the whole tensor, which learns from the
        mean magnitude on (XNOR-Net, Rastegari et al. 2016, arXiv:1603.05279).
    norm: whether layers are trained with batch normalizations behind them, by the statistics of batches, as in the
        paper; they end in scales and biases.
    exclude: names of layers that stay as they are; first and last are names of those.
    loss: labels, or what is compared with the uncompressed network; see distill.
    """
    return _binary(binarize.step(scale=scale, norm=norm, exclude=exclude), norm, loss, settings)


@macro_pass
def bnn(
    *,
    scale: Spread = "channel",
    norm: bool = True,
    exclude: tuple[str, ...] = (),
    loss: Loss = "logits",
    settings: Settings,
) -> list[Step]:
    """Train binary weights and binary activations (BNN, Courbariaux et al. 2016, arXiv:1602.02830).

    scale: what signs of weights are multiplied with: one, or the mean magnitude of a channel or of the whole tensor.
    norm: whether layers are trained with batch normalizations behind them, by the statistics of batches, as in the
        paper; they end in scales and biases.
    exclude: names of layers that stay as they are; first and last are names of those.
    loss: labels, or what is compared with the uncompressed network; see distill.
    """
    decided = binarize.step(activations=True, scale=scale, norm=norm, exclude=exclude)
    return _binary(decided, norm, loss, settings)


@macro_pass
def twn(
    *,
    threshold: float = 0.7,
    scale: Literal["channel", "tensor"] = "channel",
    exclude: tuple[str, ...] = (),
    loss: Loss = "logits",
    settings: Settings,
) -> list[Step]:
    """Train ternary weights (ternary weight networks, Li et al. 2016, arXiv:1605.04711).

    threshold: weights below this share of the mean magnitude are zero.
    scale: whether threshold and scale belong to a channel, or to all weights of a layer as in the paper.
    exclude: names of layers that stay as they are; first and last are names of those.
    loss: labels, or what is compared with the uncompressed network; see distill.
    """
    return [ternarize.step(threshold=threshold, scale=scale, exclude=exclude), _learn(loss, settings)]


@macro_pass
def inq(
    *,
    bits: int = 5,
    steps: tuple[float, ...] = (0.5, 0.75, 0.875, 1.0),
    exclude: tuple[str, ...] = (),
    loss: Loss = "logits",
    settings: Settings,
) -> list[Step]:
    """Make weights powers of two, a share at a time, and train the others in between (INQ, Zhou et al. 2017).

    arXiv:1702.03044. The epochs are those of each training.

    bits: how many values there are: zero and 2**(bits - 1) powers of two with their signs.
    steps: share of each layer's weights that is fixed after each step.
    exclude: names of layers that stay as they are; first and last are names of those.
    loss: labels, or what is compared with the uncompressed network; see distill.
    """
    passes: list[Step] = []
    for share in steps:
        passes.append(powers_of_two.step(share=share, bits=bits, exclude=exclude))
        if share < 1:
            passes.append(_learn(loss, settings))
    return passes


@macro_pass
def share(
    *,
    bits: int = 4,
    start: Start = "linear",
    exclude: tuple[str, ...] = (),
    loss: Loss = "logits",
    settings: Settings,
) -> list[Step]:
    """Let weights share values, and train those (Deep Compression, Han et al. 2016, arXiv:1510.00149).

    bits: bits of a code; a layer has 2**bits values.
    start: where k-means begins: evenly between the extremes, evenly in the distribution, or at random weights.
    exclude: names of layers that stay as they are; first and last are names of those.
    loss: labels, or what is compared with the uncompressed network; see distill.
    """
    return [cluster.step(bits=bits, start=start, exclude=exclude), _learn(loss, settings)]


def _binary(decided: Step, norm: bool, loss: Loss, settings: Settings) -> list[Step]:
    if not norm:
        return [decided, _learn(loss, settings)]
    return [decided, _learn(loss, replace(settings, batch_norm="batch")), fold.step()]


def _learn(loss: Loss, settings: Settings) -> Step:
    options = {f.name: getattr(settings, f.name) for f in fields(settings)}
    return finetune.step(**options) if loss == "labels" else distill.step(loss=loss, **options)
