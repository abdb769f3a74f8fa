"""What the table of kernels says about each: task, level, layouts, constraints, scratch memory, files.

A *task* is a contract: a parameter struct, typed pointers and a meaning. Kernels of one task have one signature and may
stand in for each other.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

Params = Mapping[str, Any]
"""The fields of a parameter struct: numbers, tuples of numbers (arrays) and nested ``Params`` (structs)."""

Refusal = Callable[[Params], str | None]
"""Why a kernel cannot take parameters; None: it can."""

FOLDER = Path(__file__).parent


def folders(level: str) -> tuple[str, ...]:
    """Where the C files and headers of a level's kernels are: what is for its instruction set alone, what is written
    over the vectors of any, and what every compiler takes. A header may have its like in several of the first kind."""
    if level == "portable":
        return ("portable",)
    own = "aarch64" if level.startswith("aarch64") else "cortex_m" if level.startswith("cortex-m") else "x86"
    return (own, "vectors", "portable")


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
            for text in side.split(","):
                element, name = text.split()
                found.append(Argument(name, element.rstrip("?"), element.endswith("?"), written))
        return tuple(found)

    @property
    def reads(self) -> int:
        return sum(not a.written for a in self.arguments)


def always(params: Params) -> None:
    """The refusal of a kernel that takes everything."""
    return None


def nothing(params: Params) -> int:
    """The scratch memory of a kernel that needs none."""
    return 0


def nowhere(params: Params) -> tuple[int, ...]:
    """The operands that a kernel may overwrite which writes each result before it has read all it needs for others."""
    return ()


@dataclass(frozen=True)
class Kernel:
    """One implementation of a task. ``name`` is the C function and the file that holds it."""

    name: str
    task: Task
    level: str
    layout: str = "any"
    """How activations lie in memory."""
    packing: Mapping[str, str] = field(default_factory=dict)
    """For each operand that is packed when it is constant, its layout (see ``backends/c/packing``)."""
    refuses: Refusal = always
    apart: bool = False
    """Whether, channels last, the pixels of x may lie further apart (``x_pixel``) than they have channels."""
    scratch: Callable[[Params], int] = nothing
    """Bytes of scratch memory for parameters."""
    in_place: Callable[[Params], tuple[int, ...]] = nowhere
    """Further arguments whose memory the result may take over, besides those of the task; of one that is smaller than
    the result, while the result grows towards its end."""
    cost: Callable[[Params], float] = nothing
    """Estimated cycles for parameters; of one level, the kernel that costs least is taken."""
    template: str = ""
    """What its code is made from, where a file of its own would only set constants: a header, or the C file of the
    reference, which is then compiled for another level; else empty."""
    constants: Mapping[str, int] = field(default_factory=dict)
    """What the template takes, without the prefix ``LISSOM_``."""
    known: Callable[[Params], Mapping[str, int]] | None = None
    """Those constants that the parameters of a layer give, for a kernel that serves this layer alone."""
    of: Kernel | None = None
    """Of a kernel that serves a layer alone, the one that serves any."""

    @property
    def source(self) -> Path:
        """The file in this folder that its code is in."""
        return header(self.template, self.level) if self.template else FOLDER / "portable" / f"{self.name}.c"

    def specialized(self, params: Params) -> Kernel:
        """The kernel for these parameters alone, where it can make use of them."""
        if self.known is None:
            return self
        known = self.known(params)
        name = "_".join([self.name, *(str(v) for v in known.values())])
        return replace(self, name=name, constants={**self.constants, **known}, known=None, of=self)

    def general(self, params: Params) -> Kernel:
        """The kernel for any parameters, where it can do without the constants that those of a layer give."""
        if self.known is None or not self.known(params).keys() <= self.constants.keys():
            return self
        return replace(self, known=None)

    @property
    def code(self) -> str:
        """The text of its C file."""
        if not self.template:
            return self.source.read_text(encoding="ascii")
        lines = [f"/* {self.name}: {self.template} at level {self.level}. */", f"#define LISSOM_KERNEL {self.name}"]
        lines += [f"#define LISSOM_{name} {value}" for name, value in self.constants.items()]
        lines += [f'#include "{level_header(self.level)}"']
        if self.source.suffix == ".c":
            reference = f"#define {self.source.stem} LISSOM_KERNEL"
            text = self.source.read_text(encoding="ascii")
            return "\n".join([*lines, '#include "lissom_loops.h"', reference, "", f"{text}\nLISSOM_LEVEL_END", ""])
        return "\n".join([*lines, f'#include "{self.template}"', ""])

    @property
    def prototype(self) -> str:
        """The C declaration, from the task's signature."""
        pointers = [f"{a.c_type}{a.name}" for a in self.task.arguments]
        scratch = ["void *scratch"] if self.task.takes_scratch else []
        return f"void {self.name}({', '.join([f'const {self.task.params} *p', *pointers, *scratch])});"

    def files(self) -> dict[str, str]:
        """By name, the text of its C file and of all headers that includes."""
        found = {f"{self.name}.c": self.code}
        pending = [self.code]
        while pending:
            for name in re.findall(r'#include "(\S+)"', pending.pop()):
                if name not in found:
                    found[name] = header(name, self.level).read_text(encoding="ascii")
                    pending.append(found[name])
        return found


def header(name: str, level: str) -> Path:
    """The header that ``name`` means to kernels of ``level``."""
    return next(FOLDER / f / name for f in folders(level) if (FOLDER / f / name).is_file())


def level_header(level: str) -> str:
    """The header that says what a level's instructions are."""
    return f"lissom_{identifier(level)}.h"


def identifier(level: str) -> str:
    """A level's name as a part of C names."""
    return level.replace("-", "_").replace("+", "_")
