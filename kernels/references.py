"""The portable kernels: the reference of every task, and portable variants."""

from __future__ import annotations

from collections.abc import Callable

from lissom.kernels.kernel import Params, Refusal
from lissom.kernels.registry import Family, variant

# ---- sums of products


def _fits_int32(terms: Callable[[Params], int]) -> Refusal:
    """Refuses sums of products of bytes that could leave int32."""

    def refuses(params: Params) -> str | None:
        n = terms(params)
        return f"a sum of {n} products of bytes may not fit in int32" if n * 255 * 255 >= 2**31 else None

    return refuses


def _taps(params: Params) -> int:
    """Products in one output of a convolution."""
    conv = params["conv"]
    d, h, w = conv["kernel"]
    return int(conv["in_channels"] * d * h * w)


def _depth(params: Params) -> int:
    """Products in one element of a matrix product."""
    return int(params["matmul"]["k"])


def _no_patches(params: Params) -> str | None:
    if not params["w_plain"]:
        return "weights that are not int8 with zero point 0"
    channels = params["conv"]["out_channels"]
    return f"a patch would meet only {channels} output channels" if channels < 4 else None


def _not_rows(params: Params) -> str | None:
    if not params["b_plain"]:
        return "b is not a constant of int8 with zero point 0"
    return "more than one product" if max(params["matmul"]["batch"], default=1) > 1 else None


_conv = Family("conv", "conv", "NCHW", {"w": "OIDHW"}, takes_scratch=True)
_conv.add("conv_f32", "f32 x, f32 w, f32? b, f32? skip -> f32 y")
_conv.add(
    "conv_q8",
    "q8 x, q8 w, i32 w_zero, f32 multiplier, i32? b, q8? skip -> q8 y",
    params="conv_q8",
    refuses=_fits_int32(_taps),
)
variant("conv_q8", "conv_q8_patches", _no_patches, scratch=lambda params: 4 * 2 * _taps(params))
Family("conv", "conv", "NCHW", {"w": "IODHW"}).add("conv_transpose_f32", "f32 x, f32 w, f32? b -> f32 y")

_matmul = Family("matmul", "matmul", packing={"b": "KN"}, takes_scratch=True)
_matmul.add("matmul_f32", "f32 a, f32 b, f32? c -> f32 y")
_matmul.add(
    "matmul_q8",
    "q8 a, q8 b, i32 b_zero, f32 multiplier, i32? c -> q8 y",
    params="matmul_q8",
    refuses=_fits_int32(_depth),
)
variant(
    "matmul_q8",
    "matmul_q8_rows",
    _not_rows,
    scratch=lambda params: 4 * 2 * _depth(params),
    packing={"b": "NK"},
)
Family("matmul", "contract").add("contract_f32", "f32 a, f32 b -> f32 y")

# ---- element by element

_UNARY = {
    "f32": """
        abs acos acosh affine asin asinh atan atanh ceil celu clip cos cosh elu erf exp floor gelu gelu_tanh
        hard_sigmoid hard_swish leaky_relu log mish neg reciprocal relu round selu shrink sigmoid sign sin sinh
        softplus softsign sqrt swish tan tanh thresholded_relu
    """,
    "i32": "abs neg",
    "i64": "abs neg",
}
_BINARY = {
    "f32": "add sub mul div pow min max mod fmod prelu",
    "i32": "add sub mul div min max mod fmod",
    "i64": "add sub mul div min max mod fmod",
    "i8": "min max",
    "u8": "min max",
}
_unary = Family("unary", "unary", in_place=(0,))
_unary.add("not", "bool x -> bool y")
for _type, _names in _UNARY.items():
    for _name in _names.split():
        _unary.add(f"{_name}_{_type}", f"{_type} x -> {_type} y")
_binary = Family("binary", "binary", in_place=(0, 1))
for _type, _names in _BINARY.items():
    for _name in _names.split():
        _binary.add(f"{_name}_{_type}", f"{_type} a, {_type} b -> {_type} y")
for _name in ("and", "or", "xor"):
    _binary.add(_name, "bool a, bool b -> bool y")
_compare = Family("binary", "binary")
for _type in ("f32", "i32", "i64", "i8", "u8"):
    for _name in ("equal", "less", "less_or_equal", "greater", "greater_or_equal"):
        _compare.add(f"{_name}_{_type}", f"{_type} a, {_type} b -> bool y")

# ---- reductions, and other work along axes

_REDUCE = {
    "f32": "sum mean max min prod l1 l2 log_sum log_sum_exp sum_square",
    "i32": "sum max min prod",
    "i64": "sum max min prod",
    "i8": "max min",
    "u8": "max min",
}
_reduce = Family("reduce", "reduce")
for _type, _names in _REDUCE.items():
    for _name in _names.split():
        _reduce.add(f"reduce_{_name}_{_type}", f"{_type} x -> {_type} y")
_along = Family("resample", "resample")
_along.add("resample_f32", "f32 x, i32 index, f32 weight -> f32 y")
for _type in ("f32", "i32", "i64", "i8", "u8"):
    _along.add(f"arg_{_type}", f"{_type} x -> i64 y", params="arg")
for _type in ("f32", "i64"):
    _along.add(f"topk_{_type}", f"{_type} x -> {_type} y, i64 index", params="topk")
_scan = Family("resample", "scan", in_place=(0,))
for _type in ("f32", "i32", "i64"):
    _scan.add(f"cumsum_{_type}", f"{_type} x -> {_type} y")

# ---- normalizations and pools

_norm = Family("norm", "axis", in_place=(0,))
_norm.add("layer_norm_f32", "f32 x, f32 scale, f32? bias -> f32 y", params="row_norm")
_norm.add("rms_norm_f32", "f32 x, f32 scale -> f32 y", params="row_norm")
_norm.add("group_norm_f32", "f32 x, f32 scale, f32 bias -> f32 y", params="group_norm")
_norm.add("scale_shift_f32", "f32 x, f32 scale, f32 shift -> f32 y")
_norm.add("softmax_f32", "f32 x -> f32 y")
_norm.add("log_softmax_f32", "f32 x -> f32 y")
Family("norm", "lrn").add("lrn_f32", "f32 x -> f32 y")

_pool = Family("pool", "pool", "NCHW")
for _type in ("f32", "i8", "u8"):
    _pool.add(f"max_pool_{_type}", f"{_type} x -> {_type} y")
_pool.add("average_pool_f32", "f32 x -> f32 y")
_pool.add("average_pool_q8", "q8 x -> q8 y", params="pool_q8")

# ---- moving elements of any type

_move = Family("move", "copy")
_move.add("copy", "any x -> any y")
_move.add("fill", "any x -> any y", params="fill")
_move.add("remap", "any x, i32 tables, any fill -> any y", params="remap")
_move.add("cast", "any x -> any y", params="cast")
for _type in ("i32", "i64"):
    _move.add(f"gather_{_type}", f"any x, {_type} index -> any y", params="gather")
    _move.add(f"gather_elements_{_type}", f"any x, {_type} index -> any y", params="gather_elements")
Family("move", "where", in_place=(1, 2)).add("where", "bool condition, any a, any b -> any y")
Family("move", "trilu", in_place=(0,)).add("trilu", "any x -> any y")

# ---- 8-bit tensors

_quantize = Family("quantize", "channel")
_quantize.add("quantize_q8", "f32 x, f32 scale, q8_output q -> q8 y")
for _type in ("i8", "u8", "i32"):
    _quantize.add(f"dequantize_{_type}", f"{_type} x, f32 scale, {_type} zero -> f32 y")
Family("quantize", "lookup", in_place=(0,)).add("lookup", "u8 x, u8 table -> u8 y")
Family("codebook", "codebook").add("codebook_f32", "u8 codes, f32 centroids, f32? scale, u8? kept -> f32 y")
_binary_q8 = Family("quantize", "binary_q8", in_place=(0, 1))
_binary_q8.add("add_q8", "q8 a, q8 b -> q8 y")
_binary_q8.add("mul_q8", "q8 a, q8 b -> q8 y")
_binary_q8.add("sub_q8", "q8 a, q8 b -> q8 y")
_norm_q8 = Family("norm_q8", "softmax_q8", in_place=(0,))
_norm_q8.add("softmax_q8", "q8 x, i32 table -> q8 y")
_norm_q8.add("layer_norm_q8", "q8 x, f32 scale, f32? bias -> q8 y", params="layer_norm_q8")
_spatial_q8 = Family("spatial_q8", "resize_q8")
_spatial_q8.add("resize_q8", "q8 x, i32 index, i32 weight -> q8 y")
_spatial_q8.add("lookup_channels", "u8 x, u8 table -> u8 y", params="lookup_channels")
