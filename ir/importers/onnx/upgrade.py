"""Older meanings in terms of today's: one function for each op whose meaning changed between opsets.

An upgrade gets the form of a node of an older opset. It returns a form of the newest opset, or the ops that compute
the same. Where only the spelling changed, from attribute to input, no upgrade is needed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from lissom.ir.errors import Unsupported
from lissom.ir.importers.onnx.form import Form
from lissom.ir.importers.onnx.schema import NEWEST
from lissom.ir.op import Op, op_class
from lissom.ir.values import Const, Value

Upgrade = Callable[[Form], "Form | Op"]

UPGRADES: dict[str, tuple[tuple[int, Upgrade], ...]] = {}
"""By op: (opset, function), the function for nodes before that opset."""

_MEANING_SINCE: dict[str, int] = {}


def upgrade(*kinds: str, before: int, respelled: bool = False) -> Callable[[Upgrade], Upgrade]:
    """Register the upgrade of nodes of ``kinds`` in opsets below ``before``.

    ``respelled``: only the spelling is another; a node without what is new may still be written for an older opset.
    """

    def register(function: Upgrade) -> Upgrade:
        for kind in kinds:
            if not respelled:
                _MEANING_SINCE[kind] = max(before, meaning_since(kind))
            UPGRADES[kind] = tuple(sorted((*UPGRADES.get(kind, ()), (before, function)), key=lambda u: u[0]))
        return function

    return register


def upgraded(form: Form) -> Form | Op:
    """``form`` with all upgrades applied that its opset calls for."""
    while True:
        step = next(((b, f) for b, f in UPGRADES.get(form.kind, ()) if form.opset < b), None)
        if step is None:
            return form
        before, function = step
        result = function(form)
        if isinstance(result, Op):
            return result
        form = result if result.kind != form.kind else replace(result, opset=max(result.opset, before))


def meaning_since(kind: str) -> int:
    """The first opset at which a node of this kind means what lissom's op means."""
    return _MEANING_SINCE.get(kind, 1)


def _make(kind: str, *operands: Any, **attributes: Any) -> Op:
    return op_class(kind)(*operands, **attributes)


def _ints(*values: int) -> Const:
    return Const(np.array(values, np.int64))


def _attribute_to_input(form: Form, name: str, position: int, value: Any) -> Form:
    """Move the value of attribute ``name`` to the inputs."""
    inputs = form.inputs + [None] * (position + 1 - len(form.inputs))
    inputs[position] = value
    attributes = {k: v for k, v in form.attributes.items() if k != name}
    return replace(form, inputs=inputs, attributes=attributes)


@upgrade("Softmax", "LogSoftmax", "Hardmax", before=13)
def softmax_over_all_later_axes(form: Form) -> Form | Op:
    """Before 13 these flatten to two axes at ``axis`` and normalise over the second."""
    x = form.required(0)
    axis = form.attribute("axis", 1)
    axis = axis + x.type.rank if axis < 0 else axis
    if axis == x.type.rank - 1:
        return replace(form, attributes={"axis": axis})
    flat = _make("Flatten", x, axis=axis)
    return _make("Reshape", _make(form.kind, flat, axis=1), _make("Shape", x))


@upgrade("Dropout", before=12, respelled=True)
def dropout_ratio(form: Form) -> Form:
    """Before 12 the ratio is an attribute, 0.5 by default."""
    ratio = form.attribute("ratio", 0.5)
    return _attribute_to_input(form, "ratio", 1, Const(np.array(ratio, np.float32), f"{form.name}.ratio"))


@upgrade("Pad", before=11, respelled=True)
def pad_inputs(form: Form) -> Form:
    """Before 11 pads and value are attributes."""
    x = form.required(0)
    value = np.array(form.attribute("value", 0.0), x.type.dtype.numpy)
    attributes = {"pads": form.attribute("pads"), "mode": form.attribute("mode", "constant")}
    if value:
        attributes["constant_value"] = value
    return replace(form, attributes=attributes, defaults={})


@upgrade("Slice", before=10, respelled=True)
def slice_inputs(form: Form) -> Form:
    """Before 10 starts, ends and axes are attributes; axes are the first ones where left out."""
    axes = form.attribute("axes") or tuple(range(len(form.attribute("starts"))))
    return replace(form, attributes={**form.attributes, "axes": axes})


@upgrade("Split", before=18, respelled=True)
def split_evenly(form: Form) -> Form:
    """Before 18 the number of outputs says into how many parts, where sizes are left out."""
    if form.operand(1) is None and "split" not in form.attributes:
        return replace(form, attributes={**form.attributes, "num_outputs": len(form.outputs)})
    return form


@upgrade("Scatter", before=11)
def scatter_elements(form: Form) -> Form:
    """Scatter got the name ScatterElements."""
    return replace(form, kind="ScatterElements", opset=11)


@upgrade("Upsample", before=10)
def upsample(form: Form) -> Form:
    """Upsample is Resize without a region, with coordinates that scale from the origin and round down."""
    scales = form.operand(1) or Const(np.array(form.attribute("scales"), np.float32), f"{form.name}.scales")
    return _resize(form, scales)


@upgrade("Resize", before=11)
def resize_10(form: Form) -> Form:
    """Resize 10 means what Upsample did."""
    return _resize(form, form.required(1))


def _resize(form: Form, scales: Value) -> Form:
    mode = form.attribute("mode", "nearest")
    attributes = {"mode": mode, "coordinate_transformation_mode": "asymmetric"}
    if mode == "nearest":
        attributes["nearest_mode"] = "floor"
    inputs = [form.operand(0), None, scales]
    return replace(form, kind="Resize", opset=NEWEST, inputs=inputs, attributes=attributes, defaults={})


@upgrade("Resize", before=13, respelled=True)
def resize_11(form: Form) -> Form:
    """One mode of 11 and 12 is gone."""
    if form.attribute("coordinate_transformation_mode") == "tf_half_pixel_for_nn":
        raise Unsupported("Resize with coordinate_transformation_mode = 'tf_half_pixel_for_nn'")
    return form


@upgrade("GroupNormalization", before=21)
def group_scales(form: Form) -> Form:
    """Before 21 there is one scale and bias for each group, not each channel."""
    x, groups = form.required(0), form.attribute("num_groups")
    channels = x.type.dims[1]
    if not isinstance(channels, int) or channels % groups:
        raise Unsupported(f"GroupNormalization of {channels} channels in {groups} groups")
    inputs: list[Value | None] = [x]
    for operand in (form.required(1), form.required(2)):
        column = _make("Reshape", operand, _ints(groups, 1))
        spread = _make("Expand", column, _ints(groups, channels // groups))
        inputs.append(_make("Reshape", spread, _ints(channels)))
    return replace(form, inputs=inputs)


@upgrade("BatchNormalization", before=9, respelled=True)
def batch_normalization_spatial(form: Form) -> Form:
    """Before 9 statistics may be one for each element (spatial = 0), which no newer opset has."""
    if form.attribute("spatial", 1) != 1:
        raise Unsupported("BatchNormalization with spatial = 0")
    return replace(form, attributes={k: v for k, v in form.attributes.items() if k != "spatial"})


@upgrade("BatchNormalization", before=14, respelled=True)
def batch_normalization_outputs(form: Form) -> Form:
    """Before 14 further outputs ask for training."""
    if any(form.outputs[1:]):
        raise Unsupported("BatchNormalization in training mode")
    return replace(form, outputs=form.outputs[:1])


@upgrade("Cast", before=9, respelled=True)
def cast_to_by_name(form: Form) -> Form:
    """Some old exporters write the name of the element type, not its number."""
    import onnx

    to = form.attribute("to")
    if isinstance(to, str):
        if to not in onnx.TensorProto.DataType.keys():  # noqa: SIM118  # an enum wrapper, not a dict
            raise Unsupported(f"Cast to {to!r}")
        form = replace(form, attributes={**form.attributes, "to": onnx.TensorProto.DataType.Value(to)})
    return form
