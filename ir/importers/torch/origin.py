"""What a graph remembers of the PyTorch module it came from, so that ``to_torch`` gives back its call signature."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeAlias

from torch.utils._pytree import TreeSpec


@dataclass(frozen=True)
class Plain:
    """A leaf of the arguments or of the result that is not a tensor: ``None``, a number, a string, a flag."""

    value: Any


Leaf: TypeAlias = "str | Plain"
"""The name of a graph input or output, or a plain Python value."""


@dataclass(frozen=True)
class TorchOrigin:
    """How the module is called and what it returns, and which names its state has.

    ``in_spec`` is the pytree of ``(args, kwargs)``, ``out_spec`` that of the result; ``inputs`` and ``outputs`` say
    what their leaves are. ``state`` holds the names in the module's state dict, ``transient`` those of constants that
    are not in it: buffers that are not persistent, and what the importer made. ``aliases`` maps each further name of a
    tied weight to the name its constant has.
    """

    in_spec: TreeSpec
    out_spec: TreeSpec
    inputs: tuple[Leaf, ...]
    outputs: tuple[Leaf, ...]
    state: frozenset[str] = frozenset()
    transient: frozenset[str] = frozenset()
    aliases: dict[str, str] = field(default_factory=dict)
