"""Every kernel there is. Kernel choice, packing, emission, tests and docs read this table and nothing else.

A *task* is a contract: a parameter struct, typed pointers and a meaning. The kernel ``lissom_<task>`` of level
``portable`` is its reference; a faster kernel is one more entry with the same task, another level and, where it needs
them, constraints, a packed weight layout or scratch memory. See ``docs/add-a-kernel.md``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Params = Mapping[str, Any]
"""The fields of a parameter struct: numbers, tuples of numbers (arrays) and nested ``Params`` (structs)."""

FOLDER = Path(__file__).parent

C_TYPES = {
    "f32": "float",
    "i8": "int8_t",
    "u8": "uint8_t",
    "q8": "uint8_t",  # int8 or uint8, read as bytes
    "bool": "uint8_t",
    "i32": "int32_t",
    "i64": "int64_t",
    "any": "void",
    "q8_output": "lissom_q8_output",
}
"""The C type behind each element type of a signature."""


@dataclass(frozen=True)
class Argument:
    """A pointer a kernel takes."""

    name: str
    element: str
    optional: bool
    written: bool

    @property
    def c_type(self) -> str:
        return ("" if self.written else "const ") + C_TYPES[self.element] + " *"


@dataclass(frozen=True)
class Task:
    """What kernels of one kind compute. ``signature`` is written ``f32 x, f32? b -> f32 y``; ``?`` may be NULL."""

    name: str
    params: str
    header: str
    signature: str
    in_place: tuple[int, ...] = ()
    """Arguments whose memory the result may take over, when it has the same size."""
    takes_scratch: bool = False

    @property
    def arguments(self) -> tuple[Argument, ...]:
        found = []
        for side, written in zip(self.signature.split("->"), (False, True), strict=True):
            for text in side.split(",") if side.strip() else ():
                element, name = text.split()
                found.append(Argument(name, element.rstrip("?"), element.endswith("?"), written))
        return tuple(found)

    @property
    def reads(self) -> int:
        return sum(not a.written for a in self.arguments)


def _always(params: Params) -> None:
    return None


def _no_scratch(params: Params) -> int:
    return 0


@dataclass(frozen=True)
class Kernel:
    """One implementation of a task. ``name`` is the C function and the file that holds it."""

    name: str
    task: Task
    level: str
    layout: str = "NCHW"
    """How activations lie in memory."""
    packing: Mapping[str, str] = field(default_factory=dict)
    """For each constant operand that is packed, its layout (see ``backends/c/packing.py``)."""
    headers: tuple[str, ...] = ()
    """Headers beside its own that its file includes."""
    refuses: Callable[[Params], str | None] = _always
    """Why it cannot take these parameters; None: it can."""
    scratch: Callable[[Params], int] = _no_scratch
    """Bytes of scratch memory for these parameters."""

    @property
    def source(self) -> Path:
        return FOLDER / self.level.replace("-", "_") / f"{self.name}.c"

    @property
    def prototype(self) -> str:
        """The C declaration, from the task's signature."""
        pointers = [f"{a.c_type}{a.name}" for a in self.task.arguments]
        scratch = ["void *scratch"] if self.task.takes_scratch else []
        return f"void {self.name}({', '.join([f'const {self.task.params} *p', *pointers, *scratch])});"

    def sources(self) -> tuple[Path, ...]:
        """Its file and the headers that file needs."""
        names = (self.task.header, *self.headers)
        return (self.source, *(FOLDER / "portable" / n for n in names))


TARGETS: dict[str, tuple[str, ...]] = {"portable": ("portable",)}
"""For each target, the levels it can run, best first. Every target ends with ``portable``."""

KERNELS: list[Kernel] = []


def kernels_of(task: str) -> list[Kernel]:
    """All implementations of a task."""
    return [k for k in KERNELS if k.task.name == task]


def choose(task: str, params: Params, target: str) -> Kernel | str:
    """The best kernel of ``target`` that takes ``params``, or the reason why there is none."""
    reasons = []
    for level in TARGETS[target]:
        for kernel in kernels_of(task):
            if kernel.level != level:
                continue
            reason = kernel.refuses(params)
            if reason is None:
                return kernel
            reasons.append(f"{kernel.name}: {reason}")
    return "; ".join(reasons) or f"there is no kernel for {task!r}"


def _portable(
    name: str,
    params: str,
    header: str,
    signature: str,
    *,
    in_place: tuple[int, ...] = (),
    takes_scratch: bool = False,
    headers: tuple[str, ...] = (),
    layout: str = "any",
    packing: Mapping[str, str] | None = None,
    refuses: Callable[[Params], str | None] = _always,
) -> None:
    task = Task(name, f"lissom_{params}_params", header, signature, in_place, takes_scratch)
    needed = ("lissom_common.h", *headers)
    KERNELS.append(Kernel(f"lissom_{name}", task, "portable", layout, packing or {}, needed, refuses))


def _fits_int32(terms: Callable[[Params], int]) -> Callable[[Params], str | None]:
    """Refuses sums of products of bytes that could leave int32."""

    def refuses(params: Params) -> str | None:
        n = terms(params)
        return f"a sum of {n} products of bytes may not fit in int32" if n * 255 * 255 >= 2**31 else None

    return refuses


def _conv_terms(params: Params) -> int:
    conv = params["conv"]
    d, h, w = conv["kernel"]
    return int(conv["in_channels"] * d * h * w)


# ---- sums of products

_Q8 = ("lissom_requantize.h",)
_PLAIN = {"w": "OIDHW"}
_CONV = {"headers": _Q8, "layout": "NCHW", "packing": _PLAIN}
_portable("conv_f32", "conv", "lissom_conv.h", "f32 x, f32 w, f32? b -> f32 y", takes_scratch=True, **_CONV)
_portable(
    "conv_q8",
    "conv_q8",
    "lissom_conv.h",
    "q8 x, q8 w, i32 w_zero, f32 multiplier, i32? b -> q8 y",
    takes_scratch=True,
    refuses=_fits_int32(_conv_terms),
    **_CONV,
)
_portable(
    "conv_transpose_f32",
    "conv",
    "lissom_conv.h",
    "f32 x, f32 w, f32? b -> f32 y",
    headers=_Q8,
    layout="NCHW",
    packing={"w": "IODHW"},
)
_MATMUL = {"header": "lissom_matmul.h", "takes_scratch": True, "headers": _Q8, "packing": {"b": "KN"}}
_portable("matmul_f32", "matmul", signature="f32 a, f32 b, f32? c -> f32 y", **_MATMUL)
_portable(
    "matmul_q8",
    "matmul_q8",
    signature="q8 a, q8 b, i32 b_zero, f32 multiplier, i32? c -> q8 y",
    refuses=_fits_int32(lambda params: int(params["matmul"]["k"])),
    **_MATMUL,
)
_portable("contract_f32", "contract", "lissom_matmul.h", "f32 a, f32 b -> f32 y", headers=_Q8)

# ---- element by element

_UNARY_F32 = (
    "abs acos acosh affine asin asinh atan atanh ceil celu clip cos cosh elu erf exp floor gelu gelu_tanh hard_sigmoid "
    "hard_swish leaky_relu log mish neg reciprocal relu round selu shrink sigmoid sign sin sinh softplus softsign sqrt "
    "swish tan tanh thresholded_relu"
).split()
for _name in _UNARY_F32:
    _portable(f"{_name}_f32", "unary", "lissom_unary.h", "f32 x -> f32 y", in_place=(0,))
for _type in ("i32", "i64"):
    for _name in ("abs", "neg"):
        _portable(f"{_name}_{_type}", "unary", "lissom_unary.h", f"{_type} x -> {_type} y", in_place=(0,))
_portable("not", "unary", "lissom_unary.h", "bool x -> bool y", in_place=(0,))

_BINARY = {
    "f32": "add sub mul div pow min max mod fmod prelu",
    "i32": "add sub mul div min max mod fmod",
    "i64": "add sub mul div min max mod fmod",
    "i8": "min max",
    "u8": "min max",
}
for _type, _names in _BINARY.items():
    for _name in _names.split():
        _portable(
            f"{_name}_{_type}", "binary", "lissom_binary.h", f"{_type} a, {_type} b -> {_type} y", in_place=(0, 1)
        )
for _type in ("f32", "i32", "i64", "i8", "u8"):
    for _name in ("equal", "less", "less_or_equal", "greater", "greater_or_equal"):
        _portable(f"{_name}_{_type}", "binary", "lissom_binary.h", f"{_type} a, {_type} b -> bool y")
for _name in ("and", "or", "xor"):
    _portable(_name, "binary", "lissom_binary.h", "bool a, bool b -> bool y", in_place=(0, 1))

# ---- reductions, and other work along axes

_REDUCE = {
    "f32": "sum mean max min prod l1 l2 log_sum log_sum_exp sum_square",
    "i32": "sum max min prod",
    "i64": "sum max min prod",
    "i8": "max min",
    "u8": "max min",
}
for _type, _names in _REDUCE.items():
    for _name in _names.split():
        _portable(f"reduce_{_name}_{_type}", "reduce", "lissom_reduce.h", f"{_type} x -> {_type} y")
for _type in ("f32", "i32", "i64", "i8", "u8"):
    _portable(f"arg_{_type}", "arg", "lissom_resample.h", f"{_type} x -> i64 y")
for _type in ("f32", "i64"):
    _portable(f"topk_{_type}", "topk", "lissom_resample.h", f"{_type} x -> {_type} y, i64 index")
for _type in ("f32", "i32", "i64"):
    _portable(f"cumsum_{_type}", "scan", "lissom_resample.h", f"{_type} x -> {_type} y", in_place=(0,))
_portable("resample_f32", "resample", "lissom_resample.h", "f32 x, i32 index, f32 weight -> f32 y")

# ---- normalizations and pools

_NORM = {"header": "lissom_norm.h", "in_place": (0,)}
_portable("layer_norm_f32", "row_norm", signature="f32 x, f32 scale, f32? bias -> f32 y", **_NORM)
_portable("rms_norm_f32", "row_norm", signature="f32 x, f32 scale -> f32 y", **_NORM)
_portable("group_norm_f32", "group_norm", signature="f32 x, f32 scale, f32 bias -> f32 y", **_NORM)
_portable("scale_shift_f32", "axis", signature="f32 x, f32 scale, f32 shift -> f32 y", **_NORM)
_portable("softmax_f32", "axis", signature="f32 x -> f32 y", **_NORM)
_portable("log_softmax_f32", "axis", signature="f32 x -> f32 y", **_NORM)
_portable("lrn_f32", "lrn", "lissom_norm.h", "f32 x -> f32 y")

_POOL = {"header": "lissom_pool.h", "headers": _Q8, "layout": "NCHW"}
for _type in ("f32", "i8", "u8"):
    _portable(f"max_pool_{_type}", "pool", signature=f"{_type} x -> {_type} y", **_POOL)
_portable("average_pool_f32", "pool", signature="f32 x -> f32 y", **_POOL)
_portable(
    "average_pool_q8",
    "pool_q8",
    signature="q8 x -> q8 y",
    **_POOL,
)

# ---- moving elements of any type

_MOVE = {"header": "lissom_move.h"}
_portable("copy", "copy", signature="any x -> any y", **_MOVE)
_portable("fill", "fill", signature="any x -> any y", **_MOVE)
_portable("remap", "remap", signature="any x, i32 tables, any fill -> any y", **_MOVE)
for _type in ("i32", "i64"):
    _portable(f"gather_{_type}", "gather", signature=f"any x, {_type} index -> any y", **_MOVE)
    _portable(f"gather_elements_{_type}", "gather_elements", signature=f"any x, {_type} index -> any y", **_MOVE)
_portable("where", "where", signature="bool condition, any a, any b -> any y", in_place=(1, 2), **_MOVE)
_portable("trilu", "trilu", signature="any x -> any y", in_place=(0,), **_MOVE)
_portable("cast", "cast", signature="any x -> any y", **_MOVE)

# ---- 8-bit tensors

_QUANTIZE = {"header": "lissom_quantize.h", "headers": _Q8}
_portable("quantize_q8", "channel", signature="f32 x, f32 scale, q8_output q -> q8 y", **_QUANTIZE)
for _type in ("i8", "u8", "i32"):
    _portable(f"dequantize_{_type}", "channel", signature=f"{_type} x, f32 scale, {_type} zero -> f32 y", **_QUANTIZE)
_BINARY_Q8 = {"header": "lissom_quantize.h", "headers": (*_Q8, "lissom_binary_q8.h"), "in_place": (0, 1)}
_portable("add_q8", "binary_q8", signature="q8 a, q8 b -> q8 y", **_BINARY_Q8)
_portable("mul_q8", "binary_q8", signature="q8 a, q8 b -> q8 y", **_BINARY_Q8)
_portable("lookup", "lookup", signature="u8 x, u8 table -> u8 y", in_place=(0,), **_QUANTIZE)
