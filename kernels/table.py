"""Every kernel there is. Kernel choice, packing, emission, tests and docs read this table and nothing else.

The kernel ``lissom_<task>`` of level ``portable`` is the reference of its task. A faster kernel is one more entry of
the same task: another level, and where it needs them constraints, a packed layout or scratch memory.
``docs/add-a-kernel.md`` shows how.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from lissom.kernels.kernel import Kernel, Params, Refusal, Task, always

TARGETS: dict[str, tuple[str, ...]] = {"portable": ("portable",)}
"""For each target the levels it can run, best first. Every target ends with ``portable``."""

CHANNELS: dict[str, int] = {"portable": 8}
"""For each level the multiple of channels that its kernels are fastest on."""


def channel_multiple(target: str | None) -> int:
    """What channel counts are rounded to for a target; 8 where it is not known."""
    return max((CHANNELS.get(level, 8) for level in TARGETS.get(target or "", ())), default=8)


KERNELS: list[Kernel] = []
"""All kernels; of one task and level, the last one that takes the parameters is the best."""


def kernels_of(task: str) -> list[Kernel]:
    """All implementations of a task, the reference first."""
    return [k for k in KERNELS if k.task.name == task]


def choose(task: str, params: Params, target: str) -> Kernel | str:
    """The best kernel of ``target`` that takes ``params``, or the reason why there is none."""
    reasons = []
    for level in TARGETS[target]:
        for kernel in reversed(kernels_of(task)):
            if kernel.level == level:
                reason = kernel.refuses(params)
                if reason is None:
                    return kernel
                reasons.append(f"{kernel.name}: {reason}")
    return "; ".join(reasons) or f"there is no kernel for {task!r}"


@dataclass(frozen=True)
class _Family:
    """Tasks that share a header and, mostly, a parameter struct."""

    header: str
    params: str
    headers: tuple[str, ...] = ()
    layout: str = "any"
    packing: Mapping[str, str] = field(default_factory=dict)
    in_place: tuple[int, ...] = ()
    takes_scratch: bool = False

    def add(self, name: str, signature: str, params: str = "", refuses: Refusal = always) -> None:
        """The portable reference of a new task."""
        struct = f"lissom_{params or self.params}_params"
        task = Task(name, struct, f"lissom_{self.header}.h", signature, self.in_place, self.takes_scratch)
        headers = tuple(f"lissom_{h}.h" for h in ("common", *self.headers))
        KERNELS.append(Kernel(f"lissom_{name}", task, "portable", self.layout, self.packing, headers, refuses))


def _variant(
    task: str,
    name: str,
    refuses: Refusal,
    scratch: Callable[[Params], int],
    headers: tuple[str, ...] = (),
    packing: Mapping[str, str] | None = None,
    level: str = "portable",
) -> None:
    """A further kernel of a task; what the reference refuses it refuses too."""
    reference = kernels_of(task)[0]
    KERNELS.append(
        replace(
            reference,
            name=f"lissom_{name}",
            level=level,
            headers=(*reference.headers, *(f"lissom_{h}.h" for h in headers)),
            packing=reference.packing if packing is None else packing,
            refuses=lambda params: refuses(params) or reference.refuses(params),
            scratch=scratch,
        )
    )


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
    sizes, strides = params["matmul"]["batch"], params["matmul"]["b_batch"]
    return "b has a batch" if any(n > 1 and s for n, s in zip(sizes, strides, strict=True)) else None


_conv = _Family("conv", "conv", ("requantize",), "NCHW", {"w": "OIDHW"}, takes_scratch=True)
_conv.add("conv_f32", "f32 x, f32 w, f32? b -> f32 y")
_conv.add(
    "conv_q8", "q8 x, q8 w, i32 w_zero, f32 multiplier, i32? b -> q8 y", params="conv_q8", refuses=_fits_int32(_taps)
)
_variant("conv_q8", "conv_q8_patches", _no_patches, lambda params: 4 * 2 * _taps(params), headers=("dot",))
_Family("conv", "conv", ("requantize",), "NCHW", {"w": "IODHW"}).add(
    "conv_transpose_f32", "f32 x, f32 w, f32? b -> f32 y"
)

_matmul = _Family("matmul", "matmul", ("requantize",), packing={"b": "KN"}, takes_scratch=True)
_matmul.add("matmul_f32", "f32 a, f32 b, f32? c -> f32 y")
_matmul.add(
    "matmul_q8",
    "q8 a, q8 b, i32 b_zero, f32 multiplier, i32? c -> q8 y",
    params="matmul_q8",
    refuses=_fits_int32(_depth),
)
_variant(
    "matmul_q8",
    "matmul_q8_rows",
    _not_rows,
    lambda params: 4 * 2 * _depth(params),
    headers=("dot",),
    packing={"b": "NK"},
)
_Family("matmul", "contract", ("requantize",)).add("contract_f32", "f32 a, f32 b -> f32 y")

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
_unary = _Family("unary", "unary", in_place=(0,))
_unary.add("not", "bool x -> bool y")
for _type, _names in _UNARY.items():
    for _name in _names.split():
        _unary.add(f"{_name}_{_type}", f"{_type} x -> {_type} y")
_binary = _Family("binary", "binary", in_place=(0, 1))
for _type, _names in _BINARY.items():
    for _name in _names.split():
        _binary.add(f"{_name}_{_type}", f"{_type} a, {_type} b -> {_type} y")
for _name in ("and", "or", "xor"):
    _binary.add(_name, "bool a, bool b -> bool y")
_compare = _Family("binary", "binary")
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
_reduce = _Family("reduce", "reduce")
for _type, _names in _REDUCE.items():
    for _name in _names.split():
        _reduce.add(f"reduce_{_name}_{_type}", f"{_type} x -> {_type} y")
_along = _Family("resample", "resample")
_along.add("resample_f32", "f32 x, i32 index, f32 weight -> f32 y")
for _type in ("f32", "i32", "i64", "i8", "u8"):
    _along.add(f"arg_{_type}", f"{_type} x -> i64 y", params="arg")
for _type in ("f32", "i64"):
    _along.add(f"topk_{_type}", f"{_type} x -> {_type} y, i64 index", params="topk")
_scan = _Family("resample", "scan", in_place=(0,))
for _type in ("f32", "i32", "i64"):
    _scan.add(f"cumsum_{_type}", f"{_type} x -> {_type} y")

# ---- normalizations and pools

_norm = _Family("norm", "axis", in_place=(0,))
_norm.add("layer_norm_f32", "f32 x, f32 scale, f32? bias -> f32 y", params="row_norm")
_norm.add("rms_norm_f32", "f32 x, f32 scale -> f32 y", params="row_norm")
_norm.add("group_norm_f32", "f32 x, f32 scale, f32 bias -> f32 y", params="group_norm")
_norm.add("scale_shift_f32", "f32 x, f32 scale, f32 shift -> f32 y")
_norm.add("softmax_f32", "f32 x -> f32 y")
_norm.add("log_softmax_f32", "f32 x -> f32 y")
_Family("norm", "lrn").add("lrn_f32", "f32 x -> f32 y")

_pool = _Family("pool", "pool", ("requantize",), "NCHW")
for _type in ("f32", "i8", "u8"):
    _pool.add(f"max_pool_{_type}", f"{_type} x -> {_type} y")
_pool.add("average_pool_f32", "f32 x -> f32 y")
_pool.add("average_pool_q8", "q8 x -> q8 y", params="pool_q8")

# ---- moving elements of any type

_move = _Family("move", "copy")
_move.add("copy", "any x -> any y")
_move.add("fill", "any x -> any y", params="fill")
_move.add("remap", "any x, i32 tables, any fill -> any y", params="remap")
_move.add("cast", "any x -> any y", params="cast")
for _type in ("i32", "i64"):
    _move.add(f"gather_{_type}", f"any x, {_type} index -> any y", params="gather")
    _move.add(f"gather_elements_{_type}", f"any x, {_type} index -> any y", params="gather_elements")
_Family("move", "where", in_place=(1, 2)).add("where", "bool condition, any a, any b -> any y")
_Family("move", "trilu", in_place=(0,)).add("trilu", "any x -> any y")

# ---- 8-bit tensors

_quantize = _Family("quantize", "channel", ("requantize",))
_quantize.add("quantize_q8", "f32 x, f32 scale, q8_output q -> q8 y")
for _type in ("i8", "u8", "i32"):
    _quantize.add(f"dequantize_{_type}", f"{_type} x, f32 scale, {_type} zero -> f32 y")
_Family("quantize", "lookup", ("requantize",), in_place=(0,)).add("lookup", "u8 x, u8 table -> u8 y")
_Family("codebook", "codebook").add("codebook_f32", "u8 codes, f32 centroids, f32? scale, u8? kept -> f32 y")
_binary_q8 = _Family("quantize", "binary_q8", ("requantize", "binary_q8"), in_place=(0, 1))
_binary_q8.add("add_q8", "q8 a, q8 b -> q8 y")
_binary_q8.add("mul_q8", "q8 a, q8 b -> q8 y")
_binary_q8.add("sub_q8", "q8 a, q8 b -> q8 y")
_norm_q8 = _Family("norm_q8", "softmax_q8", ("requantize",), in_place=(0,))
_norm_q8.add("softmax_q8", "q8 x, i32 table -> q8 y")
_norm_q8.add("layer_norm_q8", "q8 x, f32 scale, f32? bias -> q8 y", params="layer_norm_q8")
