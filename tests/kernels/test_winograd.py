"""3x3 convolutions by Winograd's transforms have the bytes of the interpreter, for any image, channels and weights."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from lissom.ir.ops.conv import Conv
from lissom.ir.ops.qlinear_conv import QLinearConv
from lissom.ir.samples import literal, random_array
from lissom.ir.types import DType, tensor
from lissom.ir.values import Const, Input
from lissom.kernels.table import KERNELS, candidates, choose
from tests.kernels.test_products import Net, compiled_together, net, quantized

LEVELS = list(dict.fromkeys(k.level for k in KERNELS if "conv_q8_winograd" in k.name))
FLOAT_LEVELS = list(dict.fromkeys(k.level for k in KERNELS if "conv_f32_winograd" in k.name))


@st.composite
def convolutions(draw: Any) -> Net:
    """3x3 with stride 1: images down to one pixel, any borders, channels that fill no vector, extreme weights."""
    channels = st.sampled_from([1, 4, 7, 13, 16, 27, 32, 64, 100])
    c, o, seed = draw(channels), draw(channels), draw(st.integers(0, 999))
    pads = tuple(draw(st.integers(0, 2)) for _ in range(4))
    size = tuple(draw(st.integers(max(1, 3 - pads[i] - pads[i + 2]), 18)) for i in range(2))
    shape = (draw(st.integers(1, 2)), c, *size)
    low, high = draw(st.sampled_from([(-128, 128), (-128, 128), (-128, -120), (120, 128)]))
    w = Const(random_array(f"{seed}", (o, c, 3, 3), DType.int8, low, high))
    w_scale = Const(random_array(f"w{seed}", (o,), DType.float32, 0.0001, 0.01))
    b = Const(random_array(f"b{seed}", (o,), DType.int32, -5000, 5000))
    x = Input("x", tensor(DType.uint8, *shape))
    sx, sy = quantized(draw, "x", DType.uint8), quantized(draw, "y", DType.uint8)
    op = QLinearConv(x, *sx, w, w_scale, literal("zw", 0, DType.int8), *sy, b, pads=pads)
    return net(op, x, random_array(f"x{seed}", shape, DType.uint8, draw(st.sampled_from([0, 240])), 256))


@st.composite
def float_convolutions(draw: Any) -> Net:
    """As :func:`convolutions`, of floats, with and without bias."""
    channels = st.sampled_from([1, 4, 7, 13, 16, 27, 32, 64, 100])
    c, o, seed = draw(channels), draw(channels), draw(st.integers(0, 999))
    pads = tuple(draw(st.integers(0, 2)) for _ in range(4))
    size = tuple(draw(st.integers(max(1, 3 - pads[i] - pads[i + 2]), 18)) for i in range(2))
    shape = (draw(st.integers(1, 2)), c, *size)
    w = Const(random_array(f"{seed}", (o, c, 3, 3), DType.float32, -1, 1))
    b = Const(random_array(f"b{seed}", (o,), DType.float32, -1, 1)) if draw(st.booleans()) else None
    x = Input("x", tensor(DType.float32, *shape))
    return net(Conv(x, w, b, pads=pads), x, random_array(f"x{seed}", shape, DType.float32, -1, 1))


def winograd(task: str, params: Any, target: str) -> Any:
    """One of the level's kernels by Winograd; which one follows from the parameters."""
    own = [k for k in candidates(task, params, target)[0] if "winograd" in k.name and k.level == target]
    return random.Random(repr(params)).choice(own) if own else choose(task, params, target)


@pytest.mark.parametrize("level", LEVELS)
def test_bytes_are_the_interpreters(case_maker: Any, library: Any, tmp_path: Path, level: str) -> None:
    compiled_together(convolutions(), 8, case_maker, library, tmp_path, level, winograd)


@pytest.mark.parametrize("level", FLOAT_LEVELS)
def test_floats_are_near_the_interpreters(case_maker: Any, library: Any, tmp_path: Path, level: str) -> None:
    compiled_together(float_convolutions(), 8, case_maker, library, tmp_path, level, winograd)


def test_sums_that_need_more_bits_are_refused() -> None:
    kernel = next(k for k in KERNELS if "conv_q8_winograd" in k.name)
    unsigned, one = {"flip": 0}, (1, 1, 1)
    conv = {
        "groups": 1,
        "in_channels": 9,
        "in": (1, 9, 9),
        "out": (1, 9, 9),
        "kernel": (1, 3, 3),
        "stride": one,
        "dilation": one,
    }
    params = {"w_plain": 1, "x": unsigned, "skip": unsigned, "conv": conv}
    assert kernel.refuses({**params, "narrow": 1}) is None
    assert kernel.refuses({**params, "narrow": 0}) == "sums that may not fit in 26 bits"
