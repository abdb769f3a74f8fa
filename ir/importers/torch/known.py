"""Constant operands under ``torch.export``: their elements are Python numbers there, not unknowns of the trace."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import _disable_current_modes


class Known(torch.Tensor):
    """A tensor whose elements are computed with while a trace is going on.

    What is asked of such tensors alone, ``tolist`` say, is answered from the elements; together with a tensor that is
    being traced it becomes a constant of the trace.
    """

    @classmethod
    def __torch_function__(
        cls, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        leaves = [leaf for leaf in pytree.tree_leaves((args, kwargs or {})) if isinstance(leaf, torch.Tensor)]
        with torch._C.DisableTorchFunctionSubclass():
            if all(isinstance(leaf, Known) for leaf in leaves):
                with _disable_current_modes():
                    bare = pytree.tree_map_only(Known, _bare, (args, kwargs or {}))
                    return pytree.tree_map_only(torch.Tensor, known, func(*bare[0], **bare[1]))
            plain = pytree.tree_map_only(Known, _constant, (args, kwargs or {}))
        return func(*plain[0], **plain[1])


def known(tensor: torch.Tensor) -> Known:
    """The tensor as one whose elements are known."""
    with torch._C.DisableTorchFunctionSubclass():
        result: Known = tensor.as_subclass(Known)
    return result


def _bare(tensor: Known) -> torch.Tensor:
    return tensor.as_subclass(torch.Tensor)


def _constant(tensor: Known) -> torch.Tensor:
    with _disable_current_modes():
        elements, dtype = tensor.tolist(), tensor.dtype
    return torch.tensor(elements, dtype=dtype)
