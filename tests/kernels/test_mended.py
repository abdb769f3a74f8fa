"""1x1 convolutions by saturating dot products have the bytes of the interpreter, however much there is to mend."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from lissom.backends.c.packing import Operand, pack
from lissom.ir.ops.qlinear_conv import QLinearConv
from lissom.ir.samples import literal, random_array
from lissom.ir.types import DType, tensor
from lissom.ir.values import Const, Input
from lissom.kernels.table import KERNELS, candidates, choose
from tests.kernels.test_products import Net, compiled_together, net, quantized

LEVELS = list(dict.fromkeys(k.level for k in KERNELS if "mended" in k.name or "offset" in k.name))


@st.composite
def convolutions(draw: Any) -> Net:
    """Channels that fill no group or vector and several of them, more columns than are worked on at once, kernels,
    strides and uneven pads; weights and activations of which all, many, few or none are too much for 16 bits."""
    c = draw(st.sampled_from([1, 4, 7, 13, 27, 32, 100, 130]))
    o, seed = draw(st.sampled_from([1, 7, 16, 33, 64])), draw(st.integers(0, 999))
    k = draw(st.sampled_from([(1, 1), (1, 1), (3, 3), (2, 3)]))
    shape = (draw(st.integers(1, 2)), c, draw(st.integers(k[0], 7)), draw(st.sampled_from([k[1], 9, 31])))
    geometry = {
        "strides": draw(st.sampled_from([(1, 1), (2, 2), (1, 3)])),
        "pads": draw(st.sampled_from([(0,) * 4, (0, 1, 1, 0)])),
    }
    low, high = draw(st.sampled_from([(-128, 128), (-128, 128), (-128, -126), (126, 128), (-64, 65)]))
    w = Const(random_array(f"{seed}", (o, c, *k), DType.int8, low, high))
    w_scale = Const(random_array(f"w{seed}", (o,), DType.float32, 0.0001, 0.01))
    b = Const(random_array(f"b{seed}", (o,), DType.int32, -5000, 5000))
    x = Input("x", tensor(DType.uint8, *shape))
    sx, sy = quantized(draw, "x", DType.uint8), quantized(draw, "y", DType.uint8)
    op = QLinearConv(x, *sx, w, w_scale, literal("zw", 0, DType.int8), *sy, b, **geometry)
    least = draw(st.sampled_from([0, 100, 128, 254]))
    feed = random_array(f"x{seed}", shape, DType.uint8, least, 256)
    if draw(st.booleans()):  # few of them are large
        feed = np.where(random_array(f"few{seed}", shape, DType.uint8, 0, 256) < 16, feed, feed // 4).astype(np.uint8)
    return net(op, x, feed)


def mended(task: str, params: Any, target: str) -> Any:
    """One of the kernels that mend; which one follows from the parameters."""
    own = [
        k
        for k in candidates(task, params, target)[0]
        if ("mended" in k.name or "offset" in k.name) and k.level == target
    ]
    return random.Random(repr(params)).choice(own) if own else choose(task, params, target)


@pytest.mark.parametrize("level", LEVELS)
def test_bytes_are_the_interpreters(case_maker: Any, library: Any, tmp_path: Path, level: str) -> None:
    compiled_together(convolutions(), 6, case_maker, library, tmp_path, level, mended)


def test_weights_of_all_taps_are_those_of_one_column() -> None:
    """Eights in the order of taps and channels; beside an offset, what 128 less activations take from the bias."""
    w = random_array("w", (8, 3, 2, 2), DType.int8)
    conv = {"groups": 1, "in_channels": 3, "out_channels": 8, "kernel": (1, 2, 2), "dilation": (1, 1, 1)}
    params = {"conv": conv, "x": {"zero": 100, "flip": 0}}
    beside = {"b": np.arange(8, dtype=np.int32), "multiplier": np.ones(1, np.float32)}
    rows = np.zeros((8, 16), np.int8)
    rows[:, :12] = w.transpose(0, 2, 3, 1).reshape(8, 12)
    for offset, sign in ((0, 0), (1, -128)):
        packed = pack(f"mended 8 1 {offset}", Operand(w, params, beside))
        assert packed.size == 64 + 8 * 16
        held = packed[64:].view(np.int8).reshape(4, 8, 4).swapaxes(0, 1).reshape(8, 16)
        assert (held[:, :12] == (rows[:, :12] ^ np.int8(sign))).all()
        assert not held[:, 12:].any()
        taken = (100 - 128 * offset) * rows.astype(int).sum(1)
        assert (packed[:32].view(np.int32) == np.arange(8) - taken).all()


def test_words_are_taken_where_much_would_have_to_be_mended() -> None:
    """Activations around a zero point in the middle are small on both sides; below or above it they are not."""
    conv = {
        "batch": 1,
        "groups": 1,
        "in_channels": 64,
        "out_channels": 64,
        "in": (1, 9, 9),
        "out": (1, 9, 9),
        "kernel": (1, 1, 1),
        "stride": (1, 1, 1),
        "dilation": (1, 1, 1),
        "pad": (0, 0, 0),
        "x_pixel": 64,
        "y_pixel": 64,
        "skip_pixel": 64,
    }
    params = {"conv": conv, "w_plain": 1, "w_flip": 0, "small": 0, "narrow": 1, "bounded": 1, "skip": {"flip": 0}}
    for zero, kind in ((0, "mended"), (128, "offset"), (230, "conv_q8_x86_64_v3")):
        kernel = choose("conv_q8", {**params, "x": {"flip": 0, "zero": zero}}, "x86-64-v3")
        assert not isinstance(kernel, str)
        assert kind in kernel.name
