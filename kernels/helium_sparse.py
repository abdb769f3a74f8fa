"""Sparse kernels of cortex-m55: four blocks of four weights that are not zero are a dot product of 16 bytes.

A dense kernel reads patches as they lie, each vector for four channels; a sparse one has to gather them, and only its
weights serve several results, of eight columns or of none. So a dot product costs half as much again, and there are as
many as the density says, rounded up for each channel.
"""

from __future__ import annotations

from math import prod, sqrt

from lissom.kernels import sparse  # noqa: F401  # variants come after its references
from lissom.kernels.helium import LEVEL, one_row_of_positions, patch, strip_bytes
from lissom.kernels.kernel import Params, always
from lissom.kernels.registry import variant


def _signed(params: Params) -> str | None:
    if not params["x"]["flip"] or params["y"]["low"] + params["y"]["zero"] >= 0:
        return "int8 activations are wanted"
    return "patches that are too long" if patch(params) > 8000 else None


def _rows_only(params: Params) -> str | None:
    return one_row_of_positions(params) or _signed(params)


def _blocks(params: Params) -> float:
    """Of an output channel, that are not zero."""
    return float(params["blocks"] / params["conv"]["out_channels"])


def _cost(params: Params) -> float:
    """Instructions: laying out eight patches, and for each channel its groups, of which the last is half full."""
    c = params["conv"]
    rows = c["batch"] * c["out"][0] * c["out"][1]
    eights = -(-c["out"][2] // 8)
    groups = max(1.0, _blocks(params) / 4 + 0.375)
    laid_out = min(8, c["out"][2]) * (14 + patch(params) * 3 / 16)
    return float(rows * (strip_bytes(params) / 4 + eights * (40 + laid_out + c["out_channels"] * (22 + 20 * groups))))


def _row_cost(params: Params) -> float:
    """Instructions: eight channels of about as many blocks take as many turns as the fullest of them wants."""
    c, blocks = params["conv"], _blocks(params)
    turns = max(1.0, blocks / 4 + 0.5)
    return float(c["batch"] * c["out"][2] * (60 + patch(params) / 5 + -(-c["out_channels"] // 8) * (31 + 34 * turns)))


variant(
    "sparse_conv_q8",
    "sparse_conv_q8_m55",
    _signed,
    level=LEVEL,
    layout="NHWC",
    packing={"w": "groups"},
    scratch=lambda params: -(-patch(params) // 4) * 32 + strip_bytes(params),
    cost=_cost,
    template="lissom_sparse_conv_q8_m55.h",
)
variant(
    "sparse_conv_q8",
    "sparse_row_q8_m55",
    _rows_only,
    level=LEVEL,
    layout="NHWC",
    packing={"w": "turns"},
    scratch=lambda params: -(-patch(params) // 16) * 16,
    cost=_row_cost,
    template="lissom_sparse_row_q8_m55.h",
)


# ---- floats

ROOM = 32768
"""Bytes of patches that are laid out at once."""


def columns(params: Params) -> int:
    """Columns that follow each other: those of a row, or of all rows where patches are single pixels."""
    c = params["conv"]
    pointwise = prod(c["kernel"]) == 1 and not any(c["pad"]) and c["in"] == c["out"]
    return int(c["batch"] * prod(c["out"]) if pointwise else c["out"][2])


def vectors(params: Params) -> int:
    """Of four columns each, at once: up to seven, and the same number each time."""
    whole = -(-columns(params) // 4)
    room = max(1, min(7, ROOM // (16 * patch(params))))
    return -(-whole // -(-whole // room))


def _float_cost(params: Params) -> float:
    """Instructions: laying out patches, and each weight and channel, for all vectors of columns."""
    c, v = params["conv"], vectors(params)
    rows = c["batch"] * prod(c["out"]) // columns(params)
    each = patch(params) * (2 * v + 2) + params["nonzeros"] * (2 * v + 3) + c["out_channels"] * (5 * v + 11)
    return float(rows * (strip_bytes(params) + -(-columns(params) // (4 * v)) * (40 * v + each)))


def _float_row_cost(params: Params) -> float:
    """Instructions: four channels take as many turns as the fullest of them wants."""
    c = params["conv"]
    mean = params["nonzeros"] / c["out_channels"]
    turns = mean + 1.05 * sqrt(mean) + 0.5
    return float(c["batch"] * c["out"][2] * (20 + -(-c["out_channels"] // 4) * (10 + 4.5 * turns)))


variant(
    "sparse_conv_f32",
    "sparse_conv_f32_m55",
    always,
    level=LEVEL,
    layout="NHWC",
    packing={"w": "float_stream"},
    scratch=lambda params: 16 * vectors(params) * patch(params) + 4 * strip_bytes(params),
    cost=_float_cost,
    template="lissom_sparse_f32_m55.h",
    known=lambda params: {"VECTORS": vectors(params)},
)
variant(
    "sparse_conv_f32",
    "sparse_row_f32_m55",
    one_row_of_positions,
    level=LEVEL,
    layout="NHWC",
    packing={"w": "float_turns"},
    cost=_float_row_cost,
    template="lissom_sparse_row_f32_m55.h",
)
