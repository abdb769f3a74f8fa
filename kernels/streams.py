"""Kernels for what lies between the convolutions on x86: they pass over memory once, so vectors are all they need.

Most are plain loops that both compilers turn into vectors once they may use the level's instructions: the reference's own
text, or, where channels lie last, a text with loops over channels.
"""

from __future__ import annotations

from lissom.kernels import references  # noqa: F401  # variants come after them
from lissom.kernels.kernel import Params, always
from lissom.kernels.registry import kernels_of, variant

BYTES = "x86-64-v2"
FLOATS = "x86-64-v3"
"""From which level on vectors of bytes, and of floats, are worth a kernel of their own. Streams wait for memory: none got
faster with the vectors of a higher level."""


def name_of(task: str, level: str) -> str:
    return f"{task}_{level.replace('-', '_')}"


def again(task: str, *levels: str) -> None:
    """The reference, compiled for further levels."""
    for level in levels:
        variant(task, name_of(task, level), always, level=level, template=f"{kernels_of(task)[0].name}.c")


def _few_channels(params: Params) -> str | None:
    if "x" in params and params["x"]["flip"]:
        return "signed bytes"
    channels = params.get("pool", params)["channels"]
    return f"{channels} channels, which fill no vector" if channels < 4 else None


for _task in ("max_pool_u8", "max_pool_i8", "max_pool_f32", "average_pool_f32", "average_pool_q8"):
    for _level in (BYTES, FLOATS):
        variant(
            _task,
            f"{name_of(_task, _level)}_nhwc",
            _few_channels,
            level=_level,
            layout="NHWC",
            template=f"lissom_{_task}_nhwc.h",
        )
