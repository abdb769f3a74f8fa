"""Operator schemas of the onnx package, as the mapping between nodes and op classes asks for them."""

from __future__ import annotations

from functools import cache

from onnx import defs

NEWEST = defs.onnx_opset_version()
OLDEST = 7
"""The first opset whose elementwise ops broadcast as numpy does; what differs in older ones has no meaning here."""


@cache
def schema(kind: str, opset: int) -> defs.OpSchema | None:
    """The schema of the default domain's op ``kind`` at ``opset``; None where that opset lacks it."""
    try:
        return defs.get_schema(kind, opset, "")
    except defs.SchemaError:
        return None


def same_schema(kind: str, a: int, b: int) -> bool:
    """True when a node of this kind is the same at both opsets."""
    if a == b:
        return True
    first, second = schema(kind, a), schema(kind, b)
    return first is not None and second is not None and first.since_version == second.since_version


@cache
def type_names(kind: str, opset: int, side: str, position: int) -> frozenset[str]:
    """The types that an ``input`` or ``output`` may have, as schemas spell them."""
    found = schema(kind, opset)
    assert found is not None
    listed = found.inputs if side == "input" else found.outputs
    return frozenset(listed[min(position, len(listed) - 1)].types)


def is_default_domain(domain: str) -> bool:
    """True for the standard operator set, which has two spellings."""
    return domain in ("", "ai.onnx")
