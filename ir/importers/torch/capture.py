"""From a module and example arguments to an ExportedProgram."""

from __future__ import annotations

import os
import traceback
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch.export import ExportedProgram

from lissom.ir.errors import Error, Unsupported

_TORCH = os.path.dirname(torch.__file__)


def capture(
    module: torch.nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], dynamic_shapes: Any
) -> ExportedProgram:
    """Export ``module`` as it computes in eval mode; composite operators such as ``batch_norm`` stay whole.

    Raises Unsupported where the module cannot be captured as one graph, with the line of the module's source at fault.
    """
    if isinstance(module, torch.jit.ScriptModule):
        raise Unsupported("a ScriptModule has no Python source to capture; give the torch.nn.Module it was made from")
    with _evaluating(module), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return torch.export.export(module, args, kwargs, dynamic_shapes=dynamic_shapes)
        except Exception as e:  # whatever the user's forward raises, and torch's many ways to refuse
            raise _refusal(module, e) from e


@contextmanager
def _evaluating(module: torch.nn.Module) -> Iterator[None]:
    """Every submodule in eval mode, without fused kernels that hide what is computed; all put back afterwards."""
    modes = [(m, m.training) for m in module.modules()]
    fast = torch.backends.mha.get_fastpath_enabled()
    try:
        module.eval()
        torch.backends.mha.set_fastpath_enabled(False)
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
        for m, training in modes:
            m.training = training


def _refusal(module: torch.nn.Module, error: Exception) -> Error:
    inside = (_TORCH, __file__, "<")
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not f.filename.startswith(inside)]
    where = f" at {frames[-1].filename}:{frames[-1].lineno} ({frames[-1].line})" if frames else ""
    first = next((line.strip(" .") for line in str(error).splitlines() if line.strip()), type(error).__name__)
    name = type(module).__name__
    if "DataDependent" in type(error).__name__ or "data-dependent" in str(error).lower():
        return Unsupported(
            f"{name}.forward decides by the values of its tensors{where}, so it is not one graph: {first}. "
            "Use torch.where instead of `if`, and shapes that do not depend on data."
        )
    if "dynamic_shapes" in str(error) or "Constraints violated" in str(error):
        return Error(f"dynamic_shapes do not fit {name}: {str(error).strip()}")
    return Error(
        f"{name} cannot be captured{where}: {type(error).__name__}: {first}. "
        "Check that module(*example_args, **example_kwargs) runs, and that torch.export.export accepts it."
    )


def check_example(module: torch.nn.Module, args: Any, kwargs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The example arguments as a tuple and a dict; a single tensor stands for a tuple of it."""
    if isinstance(args, torch.Tensor):
        args = (args,)
    if not isinstance(args, tuple | list):
        raise Error(f"example_args is a tuple of the arguments of {type(module).__name__}, got {type(args).__name__}")
    if kwargs is not None and not isinstance(kwargs, Mapping):
        raise Error(f"example_kwargs is a dict of the keyword arguments, got {type(kwargs).__name__}")
    return tuple(args), dict(kwargs or {})
