"""The list of kernels, and how they get onto it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from lissom.kernels.kernel import Kernel, Params, Refusal, Task, always

KERNELS: list[Kernel] = []
"""All kernels, the reference of a task before its variants."""


def kernels_of(task: str) -> list[Kernel]:
    """All implementations of a task, the reference first."""
    return [k for k in KERNELS if k.task.name == task]


@dataclass(frozen=True)
class Family:
    """Tasks that share a header and, mostly, a parameter struct."""

    header: str
    params: str
    layout: str = "any"
    packing: Mapping[str, str] = field(default_factory=dict)
    in_place: tuple[int, ...] = ()
    takes_scratch: bool = False

    def add(self, name: str, signature: str, params: str = "", refuses: Refusal = always) -> None:
        """The portable reference of a new task."""
        struct = f"lissom_{params or self.params}_params"
        task = Task(name, struct, f"lissom_{self.header}.h", signature, self.in_place, self.takes_scratch)
        KERNELS.append(Kernel(f"lissom_{name}", task, "portable", self.layout, self.packing, refuses))


def variant(task: str, name: str, refuses: Refusal, **changes: Any) -> None:
    """A further kernel of a task, as the reference but for ``changes``; what the reference refuses it refuses too."""
    reference = kernels_of(task)[0]

    def refusal(params: Params) -> str | None:
        return refuses(params) or reference.refuses(params)

    KERNELS.append(replace(reference, name=f"lissom_{name}", refuses=refusal, **changes))
