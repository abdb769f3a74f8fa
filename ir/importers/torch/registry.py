"""Which function translates which ATen operator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import torch

from lissom.ir.values import Value

Translation = Callable[..., Value | tuple[Value, ...]]
"""Builds detached ops from an ATen operator's arguments, tensors and symbolic sizes being values."""

F = TypeVar("F", bound=Callable[..., Any])

TRANSLATIONS: dict[str, Translation] = {}
"""By operator, ``conv2d``, or by overload, ``max.dim``, where overloads differ; on sizes, ``operator.mul``."""


def translates(*targets: str) -> Callable[[F], F]:
    """Register a translation. Its parameters are the operator's, in order; those given by keyword keep ATen's names."""

    def register(function: F) -> F:
        for target in targets:
            if target in TRANSLATIONS:
                raise ValueError(f"two translations of {target}")
            TRANSLATIONS[target] = function
        return function

    return register


def target_name(target: Any) -> str:
    """``max.dim`` for ``torch.ops.aten.max.dim``, ``operator.mul`` for Python's."""
    if isinstance(target, torch._ops.OpOverload):
        name = f"{target._opname}.{target._overloadname}"
        return name if target.namespace == "aten" else f"{target.namespace}.{name}"
    if isinstance(target, torch._ops.HigherOrderOperator):
        return f"higher_order.{target.__name__}"
    module = getattr(target, "__module__", "") or ""
    return f"{module.lstrip('_')}.{getattr(target, '__name__', target)}"


def find(target: Any) -> Translation | None:
    """The translation of a call target; an in-place operator means the same as the one without the underscore."""
    name = target_name(target)
    operator = name.split(".")[0]
    for key in (name, operator, operator.rstrip("_")):
        if key in TRANSLATIONS:
            return TRANSLATIONS[key]
    return None
