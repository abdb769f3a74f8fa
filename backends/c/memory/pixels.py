"""How far apart a call finds the pixels of its operands and leaves those of its result.

Where channels lie last, a slice of them is a part of each pixel of a wider image, and so is what a Concat joins. A call
that can step from pixel to pixel by more than the channels it takes needs no copy of such a slice: its parameters say
the step. A pixel here is any row of elements that lie together: of a matrix, too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lissom.backends.c.geometry import MAX_RANK, merged
from lissom.backends.c.program import Call
from lissom.ir.errors import Unsupported
from lissom.kernels.kernel import Params


@dataclass(frozen=True)
class Steps:
    """Elements from pixel to pixel as they are, and as they are to be; a pixel has ``channels`` of them or fewer."""

    now: int
    wanted: int

    def stride(self, stride: int) -> int:
        """A stride that leads to the same channel or to the same pixel, in the other image."""
        return stride // self.now * self.wanted + stride % self.now

    def loop(self, size: Sequence[int], strides: Sequence[int], *others: Sequence[int]) -> list[list[int]] | None:
        """``[size, strides, *others]`` of a loop over both images, axes that go through several pixels split in two;
        None where one of them goes on in the middle of a pixel."""
        axes: list[tuple[int, ...]] = []
        inside = 0  # the last channel of a pixel that is reached
        for n, stride, *rest in zip(size, strides, *others, strict=True):
            if stride < 0:
                return None
            if stride % self.now == 0 or n == 1:
                axes.append((n, self.stride(stride), *rest))
            elif (n - 1) * stride < self.now:
                inside += (n - 1) * stride
                axes.append((n, stride, *rest))
            elif self.now % stride == 0 and n % (each := self.now // stride) == 0:
                inside += (each - 1) * stride
                axes += [(n // each, self.wanted, *(s * each for s in rest)), (each, stride, *rest)]
            else:
                return None
        return [list(column) for column in zip(*axes, strict=True)] if inside < self.now else None


def respaced(call: Call, index: int, now: int, wanted: int) -> Params | None:
    """The parameters with which a call finds the pixels of an argument ``wanted`` elements apart in place of ``now``;
    None where it cannot, or goes through that argument in another way than pixel by pixel."""
    kind, name, steps = call.kernel.task.params, call.kernel.task.arguments[index].name, Steps(now, wanted)
    if kind == "lissom_copy_params":
        found = _copy(call.params, name, steps)
    elif kind in ("lissom_binary_params", "lissom_binary_q8_params", "lissom_where_params"):
        found = _loop(call.params, {"condition": "c"}.get(name, name), steps)
    elif kind in ("lissom_matmul_params", "lissom_matmul_q8_params"):
        found = _nested(call.params, "a_batch", lambda params: _matrices(params, name, steps))
    else:
        found = _image(call, name, steps)
    return found if found is not None and call.kernel.refuses(found) is None else None


def _copy(params: Params, name: str, steps: Steps) -> Params | None:
    other = {"x": "y", "y": "x"}[name]
    found = steps.loop(params["size"], params[f"{name}_stride"], params[f"{other}_stride"])
    if found is None:
        return None
    try:
        size, own, others = merged(*found)
    except Unsupported:
        return None
    changed = {
        f"{name}_stride": own,
        f"{other}_stride": others,
        f"{name}_offset": steps.stride(params[f"{name}_offset"]),
    }
    return {**params, "rank": len(size), "size": size, **changed}


def _loop(params: Params, letter: str, steps: Steps) -> Params | None:
    """Element by element; the result is contiguous."""
    own = f"{letter}_stride"
    if own not in params:
        return None
    names = sorted((name for name in params if name.endswith("_stride")), key=lambda name: name != own)
    found = steps.loop(params["size"], *(params[name] for name in names))
    if found is None or len(found[0]) > MAX_RANK:
        return None
    size, *strides = (tuple(column) for column in found)
    return {**params, "rank": len(size), "size": size, **dict(zip(names, strides, strict=True))}


def _matrices(params: Params, name: str, steps: Steps) -> Params | None:
    """Products of matrices that have a pixel in each row, or a part of one."""
    if name not in ("a", "b", "y"):
        return None
    rows, columns = {"a": ("m", "k"), "b": ("k", "n"), "y": ("m", "n")}[name]
    own = [f"{name}_{rows}", *([] if name == "y" else [f"{name}_{columns}"])]
    size = [*params["batch"], params[rows], params[columns]]
    strides = [*params[f"{name}_batch"], *(params[n] for n in own), *([1] if name == "y" else [])]
    found = steps.loop(size, strides)
    if found is None or len(found[0]) != len(size):
        return None
    batch = len(params["batch"])
    return {**params, f"{name}_batch": tuple(found[1][:batch]), **dict(zip(own, found[1][batch:], strict=False))}


def _image(call: Call, name: str, steps: Steps) -> Params | None:
    """Channels last: convolutions and pools. An operand that is added would have to lie like the result."""
    names = [a.name for a in call.kernel.task.arguments]
    skip = call.arguments[names.index("skip")] if "skip" in names else None
    able = call.kernel.apart if name == "x" else name == "y" and skip is None
    pixel = f"{name}_pixel"

    def change(params: Params) -> Params | None:
        return {**params, pixel: steps.wanted} if params[pixel] == steps.now else None

    return _nested(call.params, pixel, change) if call.kernel.layout == "NHWC" and able else None


def _nested(params: Params, key: str, change: Callable[[Params], Params | None]) -> Params | None:
    """Parameters with a change in whichever struct of theirs has the key."""
    if key in params:
        return change(params)
    for name, inner in params.items():
        if isinstance(inner, dict) and (found := _nested(inner, key, change)) is not None:
            return {**params, name: found}
    return None
