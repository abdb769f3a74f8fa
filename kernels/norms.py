"""Softmax and normalization of rows on x86 and AArch64."""

from __future__ import annotations

from lissom.kernels import references  # noqa: F401  # variants come after them
from lissom.kernels.kernel import Params, always, identifier
from lissom.kernels.registry import variant


def _apart(params: Params) -> str | None:
    return "elements of a row that do not lie together" if params["inner"] > 1 else None


def _signed_or_apart(params: Params) -> str | None:
    return "signed bytes" if params["flip"] else _apart(params)


def _unsigned_or_apart(params: Params) -> str | None:
    return _apart(params) if params["flip"] else "unsigned bytes"


def _signed(params: Params) -> str | None:
    return "signed bytes" if params["x"]["flip"] else None


def _unsigned(params: Params) -> str | None:
    return None if params["x"]["flip"] else "unsigned bytes"


for _task, _refuses, _levels in (
    ("softmax_q8", _signed_or_apart, ("x86-64-v3", "x86-64-v4")),
    ("softmax_q8", _unsigned_or_apart, ("aarch64",)),
    ("softmax_f32", _apart, ("x86-64-v3", "x86-64-v4", "aarch64")),
    ("layer_norm_q8", _signed, ("x86-64-v2", "x86-64-v3", "x86-64-v4")),
    ("layer_norm_q8", _unsigned, ("aarch64",)),
):
    for _level in _levels:
        _name = f"{_task}_{identifier(_level)}_rows"
        variant(_task, _name, _refuses, level=_level, template=f"lissom_{_task}_rows.h")
for _task in ("layer_norm_f32", "rms_norm_f32"):
    for _level in ("x86-64-v3", "x86-64-v4", "aarch64"):
        variant(_task, f"{_task}_{identifier(_level)}", always, level=_level, template=f"lissom_{_task}.c")
