"""Every kernel there is. Kernel choice, packing, emission, tests and docs read this table and nothing else.

The kernel ``lissom_<task>`` of level ``portable`` is the reference of its task. A faster kernel is one more entry of
the same task: another level, and where it needs them constraints, a packed layout or scratch memory.
``docs/add-a-kernel.md`` shows how.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Literal

import lissom.kernels.amx
import lissom.kernels.cortex_m
import lissom.kernels.depthwise
import lissom.kernels.helium
import lissom.kernels.helium_sparse
import lissom.kernels.helium_streams
import lissom.kernels.mended
import lissom.kernels.neon
import lissom.kernels.norms
import lissom.kernels.products
import lissom.kernels.sparse
import lissom.kernels.streams
import lissom.kernels.tiles
import lissom.kernels.winograd  # noqa: F401  # fills the list
from lissom.kernels.kernel import Kernel, Params
from lissom.kernels.registry import KERNELS, kernels_of

__all__ = [
    "CHANNELS",
    "KERNELS",
    "SEVERAL",
    "TARGETS",
    "Room",
    "Thrifty",
    "activation",
    "by_cost",
    "candidates",
    "channel_multiple",
    "choose",
    "kernels_of",
]

_V2 = ("x86-64-v2", "portable")
_V3 = ("x86-64-v3", *_V2)
_V4 = ("x86-64-v4", *_V3)
_AVX512_VNNI = ("avx512vnni", *_V4)
_AARCH64 = ("aarch64", "portable")
_DOTPROD = ("aarch64+dotprod", *_AARCH64)
_CORTEX_M4 = ("cortex-m4", "portable")
TARGETS: dict[str, tuple[str, ...]] = {
    "portable": ("portable",),
    "x86-64-v2": _V2,
    "x86-64-v3": _V3,
    "avxvnni": ("avxvnni", *_V3),
    "x86-64-v4": _V4,
    "avx512vnni": _AVX512_VNNI,
    "amx": ("amx", *_AVX512_VNNI),
    "aarch64": _AARCH64,
    "aarch64+dotprod": _DOTPROD,
    "aarch64+i8mm": ("aarch64+i8mm", *_DOTPROD),
    "cortex-m0": ("portable",),
    "cortex-m3": ("portable",),
    "cortex-m4": _CORTEX_M4,
    "cortex-m7": ("cortex-m7", *_CORTEX_M4),
    "cortex-m55": ("cortex-m55", *_CORTEX_M4),
}
"""For each target the levels it can run, best first. Every target ends with ``portable``.

The names x86-64-v2 to v4 are those of the x86-64 psABI, aarch64 is Armv8-A with Advanced SIMD; the others of these are
instruction sets on top. A cortex-m target is a processor: m4 and m7 have the DSP extension, m55 vectors (Helium) too.
"""

SEVERAL: dict[str, tuple[str, ...]] = {
    "x86-64": ("avx512vnni", "avxvnni", "x86-64-v3", "portable"),
    "arm64": ("aarch64+i8mm", "aarch64+dotprod", "aarch64"),
}
"""Targets that hold code for several others, best first; the machine that runs it says which is taken."""

CHANNELS: dict[str, int] = {"x86-64-v4": 16, "avx512vnni": 16, "amx": 16}
"""For each level the multiple of channels that its kernels are fastest on, where it is not 8."""


def channel_multiple(target: str | None) -> int:
    """What channel counts are rounded to for a target; 8 where it is not known."""
    return max(
        (CHANNELS.get(level, 8) for level in TARGETS.get(SEVERAL.get(target or "", (target or "",))[0], ())), default=8
    )


def activation(target: str) -> Literal["int8", "uint8"] | None:
    """How the target's dot products read activations: x86 as unsigned bytes, Arm as signed ones; None: either way."""
    levels = TARGETS[target]
    if "x86-64-v2" in levels:
        return "uint8"
    return "int8" if "aarch64" in levels or "cortex-m4" in levels else None


RIVALS: dict[str, tuple[str, ...]] = {
    "amx": ("amx", "avx512vnni"),
    "aarch64+i8mm": ("aarch64+i8mm", "aarch64+dotprod"),
}
"""For a level whose kernels are not always the faster ones, those that are chosen from together."""


def candidates(task: str, params: Params, target: str) -> tuple[list[Kernel], list[str]]:
    """The kernels of ``target`` that take ``params``, best level first, and why the others do not."""
    of, taking, reasons = kernels_of(task), [], []
    for level in TARGETS[target]:
        for kernel in of:
            if kernel.level == level:
                reason = kernel.refuses(params)
                if reason is None:
                    taking.append(kernel)
                else:
                    reasons.append(f"{kernel.name}: {reason}")
    return taking, reasons


@dataclass(frozen=True, order=True)
class Room:
    """The scratch memory that is ``free`` for a layer without a larger arena, beside the ``whole`` of what activations
    take: the arena's peak, and inputs and outputs."""

    free: int
    whole: int

    def factor(self, scratch: int) -> float:
        """What a kernel's cost counts for so much scratch memory: one that doubles the whole has to win a fifth."""
        return float(max(1.0, (self.whole - self.free + scratch) / max(1, self.whole)) ** 0.25)


def by_cost(taking: list[Kernel], params: Params, room: Room | None = None) -> list[Kernel]:
    """Of candidates those of the best level and its rivals, of least cost first, and of equals the last one listed."""
    levels = RIVALS.get(taking[0].level, (taking[0].level,))
    best = [k for k in reversed(taking) if k.level in levels]
    return sorted(best, key=lambda k: k.cost(params) * (room.factor(k.scratch(params)) if room else 1.0))


def choose(task: str, params: Params, target: str, room: Room | None = None) -> Kernel | str:
    """The best kernel of ``target`` that takes ``params``, or the reason why there is none.

    That is, of the best level that has one and its rivals, the kernel of least cost, and of equals the last one listed;
    where ``room`` is given, scratch memory that makes the arena larger is a cost, too.
    """
    taking, reasons = candidates(task, params, target)
    if not taking:
        return "; ".join(dict.fromkeys(r.partition(": ")[2] for r in reasons)) or _no_kernel(task)
    return by_cost(taking, params, room)[0]


def _no_kernel(task: str) -> str:
    """What to say of a task that is not in the table; most are of elements that only have tasks as floats."""
    name, _, element = task.rpartition("_")
    if kernels_of(f"{name}_f32"):
        return f"{name} of {element} elements is not supported in C; convert the model to float32"
    return f"there is no kernel for {task!r}"


class Thrifty:
    """Chooses for small code: kernels that serve all layers, not each its own, and of those as few as will do."""

    SLOWER = 2.0
    """What a kernel that is there already may cost, as a multiple of the least."""
    SMALLER = 1.2
    """What a further kernel may: code grows with the sums in registers, so the one with the fewest is taken."""

    WITHOUT = ("amx",)
    """Levels whose kernels serve a layer each."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def __call__(self, task: str, params: Params, target: str, room: Room | None = None) -> Kernel | str:
        """As :func:`choose`, but that scratch memory which makes the arena larger is taken only where no kernel does
        without."""
        taking = [k for k in candidates(task, params, target)[0] if k.level not in self.WITHOUT]
        if not taking:
            return choose(task, params, target)
        ranked = by_cost(taking, params)
        if room is not None:
            most = max(room.free, min(k.scratch(params) for k in ranked))
            ranked = [k for k in ranked if k.scratch(params) <= most]
        least = ranked[0].cost(params)
        there = (k for k in ranked if k.name in self._taken and k.cost(params) <= self.SLOWER * least)
        further = [k for k in ranked if k.cost(params) <= self.SMALLER * least]
        found = next(there, None) or min(further, key=_sums)
        self._taken.add(found.name)
        return found.general(params)


def _sums(kernel: Kernel) -> int:
    """Vectors that a kernel's tile accumulates in."""
    return prod(kernel.constants.get(name, 1) for name in ("ROWS", "COLUMNS", "VECTORS"))
