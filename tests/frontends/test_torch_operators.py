"""Each operator family in a one-line module: what the graph computes against what PyTorch computes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from lissom.backends.torch import to_torch
from lissom.ir.importers.torch import from_torch
from lissom.ir.interpreter import evaluate
from lissom.ir.verify import verify

Tensor = torch.Tensor


class Lambda(nn.Module):
    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *args: Any) -> Any:
        return self.function(*args)


def x(*shape: int) -> Tensor:
    return torch.randn(shape)


def i(*shape: int, high: int = 3) -> Tensor:
    return torch.randint(0, high, shape)


def b(*shape: int) -> Tensor:
    return torch.rand(*shape) > 0.5


CASES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    # linear
    "addmm": (lambda c, a, w: torch.addmm(c, a, w, beta=0.5, alpha=2), (x(3, 5), x(3, 4), x(4, 5))),
    "addmm vector": (torch.addmm, (x(5), x(3, 4), x(4, 5))),
    "matmul broadcast": (torch.matmul, (x(2, 3, 4), x(4, 5))),
    "matmul vector": (torch.matmul, (x(2, 3, 4), x(4))),
    "mv dot": (lambda a, v: torch.dot(torch.mv(a, v), v), (x(4, 4), x(4))),
    "bmm": (torch.bmm, (x(2, 3, 4), x(2, 4, 5))),
    "baddbmm": (lambda c, a, w: torch.baddbmm(c, a, w, beta=0.3, alpha=2), (x(2, 3, 5), x(2, 3, 4), x(2, 4, 5))),
    "einsum": (lambda a, w: torch.einsum("b i j, k j -> b i k", a, w), (x(2, 3, 4), x(5, 4))),
    "einsum dots": (lambda a, w: torch.einsum("...ij,jk->...ik", a, w), (x(2, 3, 4), x(4, 5))),
    "outer": (torch.outer, (x(3), x(4))),
    "bilinear form": (nn.Bilinear(3, 4, 5), (x(2, 3), x(2, 4))),
    "linear vector": (nn.Linear(3, 4), (x(3),)),
    "linear 4d": (nn.Linear(3, 4, bias=False), (x(2, 2, 2, 3),)),
    # convolution
    "conv1d dilated": (nn.Conv1d(4, 6, 3, 2, 1, 2, groups=2), (x(2, 4, 11),)),
    "conv2d unbatched": (nn.Conv2d(3, 4, 3), (x(3, 7, 7),)),
    "conv2d same even": (nn.Conv2d(3, 4, (4, 3), padding="same", dilation=(1, 2)), (x(1, 3, 9, 9),)),
    "conv2d valid": (nn.Conv2d(3, 4, 3, padding="valid"), (x(1, 3, 9, 9),)),
    "conv2d circular": (nn.Conv2d(3, 4, 3, padding=1, padding_mode="circular"), (x(1, 3, 6, 6),)),
    "conv3d": (nn.Conv3d(2, 3, (1, 2, 3), (1, 2, 1), (0, 1, 1)), (x(1, 2, 4, 5, 6),)),
    "conv_transpose1d": (nn.ConvTranspose1d(4, 6, 3, 2, 1, 1, groups=2), (x(2, 4, 7),)),
    "conv_transpose2d": (nn.ConvTranspose2d(3, 4, 3, (2, 1), 1, (1, 0), dilation=2), (x(1, 3, 5, 5),)),
    "conv_transpose3d": (nn.ConvTranspose3d(2, 3, 2, 2, bias=False), (x(1, 2, 3, 3, 3),)),
    "unfold": (nn.Unfold((2, 3), padding=1, stride=2), (x(2, 3, 6, 7),)),
    # normalization
    "batch_norm plain": (nn.BatchNorm2d(3, affine=False), (x(2, 3, 4, 4),)),
    "batch_norm 2d input": (nn.BatchNorm1d(3), (x(4, 3),)),
    "instance_norm": (nn.InstanceNorm1d(3), (x(2, 3, 8),)),
    "instance_norm running": (nn.InstanceNorm2d(3, affine=True, track_running_stats=True), (x(2, 3, 4, 4),)),
    "group_norm": (nn.GroupNorm(2, 4, affine=False), (x(2, 4, 5),)),
    "layer_norm 2 axes": (nn.LayerNorm((3, 4)), (x(2, 3, 4),)),
    "layer_norm no bias": (nn.LayerNorm(4, bias=False), (x(2, 3, 4),)),
    "layer_norm plain": (nn.LayerNorm(4, elementwise_affine=False), (x(2, 3, 4),)),
    "rms_norm": (nn.RMSNorm(4), (x(2, 3, 4),)),
    "local_response_norm": (nn.LocalResponseNorm(3), (x(2, 5, 4, 4),)),
    "normalize": (lambda a: F.normalize(a, dim=1), (x(2, 3, 4),)),
    "weight_norm": (torch.nn.utils.parametrizations.weight_norm(nn.Linear(3, 4)), (x(2, 3),)),
    # pools
    "max_pool ceil": (nn.MaxPool2d(3, 2, 1, ceil_mode=True), (x(1, 2, 8, 8),)),
    "max_pool dilated": (nn.MaxPool1d(2, 1, dilation=2), (x(2, 2, 8),)),
    "max_pool unbatched": (nn.MaxPool2d(2), (x(2, 8, 8),)),
    "max_pool indices used": (lambda a: F.max_pool2d_with_indices(a, 2)[0], (x(1, 2, 8, 8),)),
    "avg_pool pad": (nn.AvgPool2d(3, 2, 1), (x(1, 2, 8, 8),)),
    "avg_pool exclude": (nn.AvgPool2d(3, 2, 1, count_include_pad=False), (x(1, 2, 8, 8),)),
    "avg_pool ceil": (nn.AvgPool2d(3, 2, ceil_mode=True), (x(1, 2, 8, 8),)),
    "avg_pool ceil pad": (nn.AvgPool2d(3, 2, 1, ceil_mode=True), (x(1, 2, 8, 8),)),
    "avg_pool divisor": (nn.AvgPool2d(2, divisor_override=3), (x(1, 2, 8, 8),)),
    "avg_pool1d": (nn.AvgPool1d(3), (x(2, 2, 9),)),
    "adaptive_avg uneven": (nn.AdaptiveAvgPool2d((3, 5)), (x(1, 2, 7, 8),)),
    "adaptive_avg keep": (nn.AdaptiveAvgPool2d((None, 2)), (x(1, 2, 7, 8),)),
    "adaptive_avg larger": (nn.AdaptiveAvgPool1d(7), (x(1, 2, 3),)),
    "adaptive_max uneven": (nn.AdaptiveMaxPool2d((3, 5)), (x(1, 2, 7, 8),)),
    "adaptive_max one": (nn.AdaptiveMaxPool3d(1), (x(1, 2, 3, 4, 5),)),
    "lp_pool": (nn.LPPool2d(2, 2), (x(1, 2, 8, 8).abs(),)),
    # resize
    "nearest": (nn.Upsample(scale_factor=2.5), (x(1, 2, 5, 4),)),
    "nearest size": (nn.Upsample(size=(3, 9)), (x(1, 2, 5, 4),)),
    "nearest exact": (nn.Upsample(size=(7, 9), mode="nearest-exact"), (x(1, 2, 5, 4),)),
    "bilinear": (nn.Upsample(scale_factor=1.7, mode="bilinear"), (x(1, 2, 5, 4),)),
    "bilinear corners": (nn.Upsample(size=(9, 3), mode="bilinear", align_corners=True), (x(1, 2, 5, 4),)),
    "bilinear recompute": (
        lambda a: F.interpolate(a, scale_factor=1.7, mode="bilinear", recompute_scale_factor=True),
        (x(1, 2, 5, 4),),
    ),
    "bilinear antialias": (
        lambda a: F.interpolate(a, size=(4, 3), mode="bilinear", antialias=True),
        (x(1, 2, 9, 8),),
    ),
    "bicubic": (nn.Upsample(size=(9, 7), mode="bicubic"), (x(1, 2, 5, 4),)),
    "linear": (nn.Upsample(scale_factor=2, mode="linear"), (x(1, 2, 5),)),
    "trilinear": (nn.Upsample(scale_factor=2, mode="trilinear"), (x(1, 2, 3, 4, 5),)),
    "pixel_shuffle": (nn.PixelShuffle(2), (x(2, 8, 3, 4),)),
    "pixel_shuffle 3d": (nn.PixelShuffle(2), (x(8, 3, 4),)),
    "pixel_unshuffle": (nn.PixelUnshuffle(2), (x(2, 3, 6, 4),)),
    "channel_shuffle": (nn.ChannelShuffle(3), (x(2, 6, 3, 4),)),
    # joining and taking apart
    "cat types": (lambda a, c: torch.cat([a, c]), (x(2, 3), i(1, 3))),
    "cat empty": (lambda a: torch.cat([torch.zeros(0), a], -1), (x(2, 3),)),
    "stack": (lambda a, c: torch.stack([a, c], -1), (x(2, 3), x(2, 3))),
    "split": (lambda a: a.split(3, 1), (x(2, 8),)),
    "split sizes": (lambda a: a.split([1, 5, 2], -1), (x(2, 8),)),
    "chunk": (lambda a: a.chunk(3, 1), (x(2, 7),)),
    "tensor_split": (lambda a: a.tensor_split(3, 1), (x(2, 7),)),
    "tensor_split places": (lambda a: a.tensor_split([2, 3], 1), (x(2, 7),)),
    "unbind": (lambda a: a.unbind(1), (x(2, 3, 4),)),
    "composites": (
        lambda a, c: (torch.vstack([a, c]), torch.kron(a, c), torch.cdist(a, c), a.logit(0.2)),
        (x(2, 3), x(2, 3)),
    ),
    "hstack": (lambda a, c: torch.hstack([a, c]), (x(2, 3), x(2, 1))),
    # shape
    "flatten": (lambda a: a.flatten(1, 2), (x(2, 3, 4, 5),)),
    "flatten scalar": (lambda a: a.flatten(), (x(),)),
    "unflatten": (lambda a: a.unflatten(1, (-1, 2)), (x(2, 6, 3),)),
    "permute": (lambda a: a.permute(2, -3, 1), (x(2, 3, 4),)),
    "transpose": (lambda a: a.transpose(-1, 0).mT.t() if a.ndim == 2 else a.transpose(-1, 0), (x(2, 3, 4),)),
    "t": (lambda a: a.t() @ a.T.T, (x(2, 3),)),
    "squeeze": (lambda a: (a.squeeze(), a.squeeze(1), a.squeeze((0, 2)), a.squeeze(-1)), (x(1, 3, 1, 4),)),
    "unsqueeze": (lambda a: (a.unsqueeze(-1), a[None, :, None]), (x(2, 3),)),
    "expand": (lambda a: (a.expand(4, -1, 5), a.expand(2, 4, 3, 5)), (x(4, 3, 1)[:, :, :],)),
    "expand_as": (lambda a, c: a.expand_as(c), (x(3, 1), x(2, 3, 4))),
    "repeat": (lambda a: a.repeat(2, 1, 3), (x(2, 3),)),
    "tile": (lambda a: a.tile(2), (x(2, 3),)),
    "repeat_interleave": (lambda a: a.repeat_interleave(2, 1), (x(2, 3),)),
    "movedim": (lambda a: (a.movedim(0, -1), a.movedim((0, 1), (2, 0))), (x(2, 3, 4),)),
    "roll": (lambda a: (a.roll(1), a.roll((2, -1), (0, 1))), (x(3, 4),)),
    "flip": (lambda a: a.flip(0, 2), (x(2, 3, 4),)),
    "meshgrid xy": (lambda a, c: torch.meshgrid(a, c, indexing="xy"), (x(2), x(3))),
    "view_as": (lambda a, c: a.view_as(c), (x(2, 6), x(3, 4))),
    "broadcast": (lambda a, c: torch.broadcast_tensors(a, c), (x(3, 1), x(1, 4))),
    # indexing
    "slice": (lambda a: (a[:, 1:3], a[..., ::2], a[:, -2:], a[1:-1]), (x(4, 5),)),
    "select": (lambda a: (a[0], a[:, -1], a.select(1, 2)), (x(3, 4),)),
    "narrow": (lambda a: a.narrow(1, 1, 2), (x(3, 4),)),
    "index rows": (lambda a, j: a[j], (x(5, 4), i(3))),
    "index pairs": (lambda a, j, k: a[j, k], (x(5, 4, 2), i(3), i(3))),
    "index inner": (lambda a, j, k: a[:, j, k], (x(5, 4, 3), i(3), i(3))),
    "index apart": (lambda a, j, k: a[j, :, k], (x(5, 4, 3), i(2, 3), i(3))),
    "index_select": (lambda a, j: a.index_select(1, j), (x(3, 4), i(5))),
    "gather": (lambda a, j: a.gather(1, j), (x(3, 4), i(2, 5))),
    "embedding": (nn.Embedding(5, 3, padding_idx=0), (i(2, 4),)),
    "scatter": (lambda a, j, s: (a.scatter(1, j, s), a.scatter(1, j, 2.0)), (x(3, 4), torch.tensor([[0, 2]]), x(1, 2))),
    "scatter_add": (lambda a, j, s: a.scatter_add(0, j, s), (x(3, 4), i(5, 4), x(5, 4))),
    "index_put": (lambda a, j, v: a.index_put((j,), v), (x(4, 3), torch.tensor([2, 0]), x(2, 3))),
    "one_hot": (lambda j: F.one_hot(j, 4), (i(2, 3),)),
    "tril": (lambda a: (a.tril(), a.triu(1), a.tril(-1)), (x(4, 4),)),
    "pad": (lambda a: F.pad(a, (1, 2, 0, 3), value=1.5), (x(2, 3, 4),)),
    "pad negative": (lambda a: F.pad(a, (-1, 2)), (x(2, 3, 4),)),
    "pad reflect": (nn.ReflectionPad2d((1, 2, 0, 1)), (x(1, 2, 4, 5),)),
    "pad replicate": (nn.ReplicationPad1d(2), (x(1, 2, 4),)),
    "pad circular": (lambda a: F.pad(a, (1, 2), mode="circular"), (x(1, 2, 4),)),
    "diff": (lambda a: torch.diff(a, dim=0), (x(4, 3),)),
    # reductions
    "mean": (lambda a: (a.mean(), a.mean(1), a.mean((0, -1), keepdim=True)), (x(2, 3, 4),)),
    "sum": (lambda a, j: (a.sum(), a.sum(1), j.sum(0), b_sum(j)), (x(2, 3), i(2, 3))),
    "amax amin": (lambda a: (a.amax(1), a.amin((0, 1), True), a.max(), a.min()), (x(2, 3),)),
    "max dim": (lambda a: (*a.max(1), *a.min(0, keepdim=True)), (x(2, 3),)),
    "argmax": (lambda a: (a.argmax(1), a.argmin(0, True), a.argmax()), (x(2, 3),)),
    "var": (lambda a: (a.var(), a.var(1), a.var((0, 1), correction=0), a.std(1, keepdim=True)), (x(2, 3, 4),)),
    "var_mean": (lambda a: torch.var_mean(a, 1, correction=0), (x(2, 3, 4),)),
    "std unbiased": (lambda a: torch.std(a, 1, False), (x(2, 3, 4),)),
    "norm": (lambda a: (a.norm(), a.norm(1, 1), a.norm(3, dim=0), torch.linalg.norm(a, dim=1)), (x(2, 3),)),
    "vector_norm": (lambda a: torch.linalg.vector_norm(a, float("inf"), dim=1), (x(2, 3),)),
    "prod": (lambda a: (a.prod(), a.prod(1)), (x(2, 3),)),
    "any all": (lambda m: (m.any(), m.all(1), m.any(0, True)), (b(2, 3),)),
    "logsumexp": (lambda a: a.logsumexp(1), (x(2, 3),)),
    "topk": (lambda a: a.topk(2, 1), (x(3, 4),)),
    "topk smallest": (lambda a: a.topk(2, 0, largest=False), (x(3, 4),)),
    "sort": (lambda a: (*a.sort(1), a.argsort(0, descending=True)), (x(3, 4),)),
    "cumsum": (lambda a, j: (a.cumsum(1), j.cumsum(0)), (x(3, 4), i(3, 4))),
    "cumprod": (lambda a: a.cumprod(1), (x(3, 4),)),
    # arithmetic
    "scalars": (lambda a: (a + 1, 2 - a, a * 0.5, 1 / a, a / 3, -a, a**2, 2**a, a % 0.7), (x(2, 3),)),
    "integers": (lambda j: (j + 1, j * 2, j / 2, j // 2, j % 2, -j // 2, j**2, j + 0.5), (i(2, 3, high=9),)),
    "promotion": (lambda a, j, m: (a + j, j * m, a * m, m + m, a > j, torch.add(a, j, alpha=2)), (x(3), i(3), b(3))),
    "double": (lambda a, d: a + d, (x(3), x(3).double())),
    "div modes": (
        lambda a, c: (torch.div(a, c, rounding_mode="floor"), torch.div(a, c, rounding_mode="trunc")),
        (x(9), x(9)),
    ),
    "remainder": (lambda a, c: (a % c, torch.fmod(a, c)), (x(9), x(9))),
    "functions": (
        lambda a: [f(a) for f in (torch.exp, torch.sin, torch.cos, torch.tan, torch.sinh, torch.atan, torch.erf)],
        (x(2, 3),),
    ),
    "positive": (
        lambda a: [f(a) for f in (torch.log, torch.log2, torch.log10, torch.log1p, torch.sqrt, torch.rsqrt)],
        (x(2, 3).abs() + 0.1,),
    ),
    "unit": (lambda a: [f(a) for f in (torch.asin, torch.acos, torch.atanh, torch.exp2, torch.expm1)], (x(9).sin(),)),
    "rounding": (
        lambda a: [f(a * 3) for f in (torch.floor, torch.ceil, torch.round, torch.trunc, torch.frac, torch.sign)],
        (x(9),),
    ),
    "clamp": (lambda a: (a.clamp(-0.5, 0.5), a.clamp(min=0), a.clamp_max(0.1), a.clip(0)), (x(9),)),
    "clamp tensor": (lambda a, c: a.clamp(c, c + 1), (x(9), x(9))),
    "clamp integers": (lambda j: (j.clamp(1, 2), j.clamp(0.5)), (i(9),)),
    "maximum": (lambda a, c: (torch.maximum(a, c), torch.min(a, c), torch.max(a, c)), (x(9), x(9))),
    "addcmul": (lambda a, c: torch.addcmul(a, a, c, value=2), (x(9), x(9))),
    "addcdiv": (lambda a, c: torch.addcdiv(a, a, c.abs() + 1, value=0.5), (x(9), x(9))),
    "lerp": (lambda a, c: torch.lerp(a, c, 0.3), (x(9), x(9))),
    "integer roots": (lambda j: (j.sqrt(), j.sigmoid(), j.exp()), (i(5),)),
    "nan_to_num": (torch.nan_to_num, (torch.tensor([1.0, float("nan"), float("inf"), -float("inf")]),)),
    # comparison and logic
    "comparisons": (lambda a, c: (a == c, a != c, a < c, a <= 0, a > c, a >= 0.5), (i(9), i(9))),
    "logic": (lambda m, n: (m & n, m | n, m ^ n, ~m, torch.logical_not(m), torch.logical_and(m, n)), (b(9), b(9))),
    "bits": (lambda j, k: (j & k, j | 1, j ^ k, ~j), (i(9, high=9), i(9, high=9))),
    "where": (lambda m, a: (torch.where(m, a, 0.0), torch.where(a > 0, a, -a), torch.where(m, 1, 0)), (b(9), x(9))),
    "masked_fill": (lambda a, m: a.masked_fill(m, float("-inf")), (x(3, 4), b(4))),
    "isnan": (lambda a: (a.isnan(), a.isinf()), (torch.tensor([1.0, float("nan"), float("inf")]),)),
    # conversion and creation
    "casts": (lambda a: (a.to(torch.int32), a.long(), a.double(), a.half().float(), a > 0, a.bool()), (x(9),)),
    "type_as": (lambda a, j: (j.type_as(a), a.to(j.dtype), j.to(a)), (x(9), i(9))),
    "creation": (
        lambda a: (
            a + torch.zeros(3) + torch.ones(3) + torch.full((3,), 2.0) + torch.arange(3) + torch.eye(3)[0],
            torch.zeros_like(a),
            torch.full_like(a, 7),
            a.new_ones(2, 2),
            torch.arange(1, 2, 0.25) * a[0],
            torch.linspace(0, 1, 3) * a,
            torch.ones(30, 30) * a[0],
        ),
        (x(3),),
    ),
    # attention
    "sdpa mask": (lambda q, m: F.scaled_dot_product_attention(q, q, q, attn_mask=m), (x(2, 2, 5, 4), x(5, 5))),
    "sdpa bool": (
        lambda q, m: F.scaled_dot_product_attention(q, q, q, attn_mask=m),
        (x(2, 2, 5, 4), torch.ones(5, 5, dtype=torch.bool).tril()),
    ),
    "sdpa causal scale": (
        lambda q, k: F.scaled_dot_product_attention(q, k, k, is_causal=True, scale=0.3),
        (x(2, 5, 4), x(2, 7, 4)),
    ),
    "attention": (
        nn.MultiheadAttention(8, 2, batch_first=True, bias=False, add_zero_attn=True),
        (x(2, 5, 8), x(2, 3, 8), x(2, 3, 8)),
    ),
    # writing in place
    "in place": (lambda a: (a * 2).add_(1).relu_().mul_(a).clamp_(max=1), (x(3, 4),)),
    "in place part": (lambda a: write(a), (x(3, 4),)),
    "fill part": (lambda a: fill(a), (x(3, 4),)),
    "no_grad": (lambda a: no_grad(a), (x(3, 4),)),
}


def b_sum(j: Tensor) -> Tensor:
    return (j > 1).sum()


def write(a: Tensor) -> Tensor:
    y = a * 2
    y[:, 1:3] += 1
    y[0] = 5
    y[:, ::2] = a[:, ::2]
    return y


def fill(a: Tensor) -> Tensor:
    y = torch.zeros(3, 4)
    y[1:, :2] = a[1:, :2]
    y[a > 1] = 3.0
    return y


def no_grad(a: Tensor) -> Tensor:
    with torch.no_grad():
        scale = a.abs().max()
    return a / scale


ACTIVATIONS = [
    nn.ReLU(), nn.ReLU6(), nn.LeakyReLU(0.2), nn.PReLU(), nn.PReLU(3), nn.RReLU(), nn.ELU(0.7), nn.SELU(), nn.CELU(0.8),
    nn.GELU(), nn.GELU("tanh"), nn.SiLU(), nn.Mish(), nn.Hardswish(), nn.Hardsigmoid(), nn.Hardtanh(-2, 0.5),
    nn.Sigmoid(),
    nn.Tanh(), nn.Softplus(), nn.Softplus(2, 5), nn.Softsign(), nn.Tanhshrink(), nn.Softshrink(0.3), nn.Hardshrink(0.4),
    nn.LogSigmoid(), nn.Threshold(0.1, 20.0), nn.Threshold(0.3, 0), nn.GLU(2), nn.Softmax(1), nn.Softmin(1),
    nn.LogSoftmax(-1), nn.Softmax2d(), nn.Dropout2d(), nn.AlphaDropout(), nn.Identity(), nn.ReLU(inplace=True),
]  # fmt: skip


def check(module: nn.Module, args: tuple[Any, ...]) -> None:
    module.eval()
    want = module(*args)
    wanted = [t.detach() for t in (want if isinstance(want, tuple | list) else [want])]
    graph = from_torch(module, args)
    verify(graph)
    twin = to_torch(graph)
    with torch.no_grad():
        given = twin(*args)
    assert type(given) is type(want)
    results = given if isinstance(given, tuple | list) else [given]
    arrays = evaluate(graph, *(a.numpy() for a in args))
    for expected, tensor, array in zip(wanted, results, arrays, strict=True):
        torch.testing.assert_close(tensor, expected, rtol=1e-5, atol=1e-5, equal_nan=True)
        assert array.dtype == expected.numpy().dtype
        np.testing.assert_allclose(array, expected.numpy(), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", CASES)
def test_operator(name: str) -> None:
    torch.manual_seed(1)
    what, args = CASES[name]
    check(what if isinstance(what, nn.Module) else Lambda(what), args)


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=str)
def test_activation(activation: nn.Module) -> None:
    torch.manual_seed(1)
    check(activation, (torch.randn(2, 3, 4, 6) * 2,))
