"""The facts of an artifact: ``report.json``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lissom.backends.c.budget import ram
from lissom.backends.c.costs import layer_cycles
from lissom.backends.c.edges import Edges
from lissom.backends.c.footprint import Footprint
from lissom.backends.c.program import Kind, Layer, Program
from lissom.backends.c.source import Port
from lissom.backends.c.times import Tuned
from lissom.ir.graph import Graph
from lissom.ir.values import Value

SCHEMA_VERSION = 1


def artifact_report(
    graph: Graph,
    program: Program,
    edges: Edges,
    inputs: Sequence[Port],
    outputs: Sequence[Port],
    taken: Footprint | None,
    tuned: Tuned | None = None,
) -> dict[str, Any]:
    """Everything but ``source`` and what the caller adds. What the compiler decides is None where there was none.
    ``tuned`` knows how long calls took on this machine. Of a program of several levels the best is shown."""
    shown = program.levels[0] if program.levels else program
    return {
        "schema_version": SCHEMA_VERSION,
        "name": program.name,
        "target": program.target,
        "inputs": [_port(p, v, i, edges) for p, v, i in zip(inputs, edges.inputs, graph.inputs, strict=True)],
        "outputs": [_port(p, v, o, edges) for p, v, o in zip(outputs, edges.outputs, graph.outputs, strict=True)],
        "passes": [],
        "artifact": {
            **program.summary(),
            **({"threads": program.threads} if program.threads > 1 else {}),
            **({"levels": [level.target for level in program.levels]} if program.levels else {}),
            "code_bytes": taken and taken.code_bytes,
            "stack_bytes": taken and taken.stack,
            "flash_bytes": taken and taken.flash,
            "ram_bytes": taken and ram(program, taken.stack, taken.variables),
            "code": taken and taken.code,
        },
        "layers": [_layer(layer, tuned) for layer in shown.layers],
        "arena": _arena(shown),
    }


def _port(port: Port, value: Value, declared: Value, edges: Edges) -> dict[str, Any]:
    found: dict[str, Any] = {"name": port.label, "c_name": port.name, "dtype": port.dtype, "shape": list(port.shape)}
    found["declared"] = [d if isinstance(d, int) else str(d) for d in declared.type.dims]
    if value in edges.quantization:
        found["quantization"] = edges.quantization[value]
    return found


def _layer(layer: Layer, tuned: Tuned | None) -> dict[str, Any]:
    cost = layer.op.cost()
    kernels = {p.kernel.name: p.kernel for c in layer.calls for p in c.pieces}
    parts = max((len(c.pieces) for c in layer.calls), default=1)
    found: dict[str, Any] = {
        "name": layer.op.name,
        "op": layer.op.op_type,
        "kernel": ", ".join(kernels),
        "level": ", ".join(dict.fromkeys(k.level for k in kernels.values())),
        **({"remark": layer.remark} if layer.remark else {}),
        **({"parts": parts} if parts > 1 else {}),
        "macs": cost.macs,
        "bytes": cost.read + cost.written,
        "estimated_cycles": round(layer_cycles(layer)),
    }
    if tuned is not None:
        seconds = [tuned.seconds(c) for c in layer.calls]
        found["measured_us"] = None if None in seconds else round(1e6 * sum(s for s in seconds if s), 3)
    return found


def _arena(program: Program) -> list[dict[str, int]]:
    """Where each buffer lies and from which to which layer it is needed."""
    lives: dict[int, list[int]] = {}
    sizes: dict[int, tuple[int, int]] = {}
    for i, layer in enumerate(program.layers):
        for call in layer.calls:
            for buffer in call.touched():
                if buffer.kind is Kind.arena:
                    lives.setdefault(id(buffer), [i, i])[1] = i
                    sizes[id(buffer)] = program.offsets[buffer], buffer.nbytes
    return [
        {"offset": sizes[k][0], "bytes": sizes[k][1], "first_layer": first, "last_layer": last}
        for k, (first, last) in lives.items()
    ]
