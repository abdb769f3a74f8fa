"""Writes ``model_test.c``: inputs, what the interpreter computed from them, and a program that compares.

Compiled with ``-DNAME_TRACE`` (everything, not only this file) it checks every layer and names the first that differs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from lissom.backends.c.checksum import fnv
from lissom.backends.c.edges import Edges
from lissom.backends.c.names import comment
from lissom.backends.c.program import Program
from lissom.backends.c.source import Port
from lissom.backends.c.weights import word_rows
from lissom.ir.errors import DataError
from lissom.ir.graph import Graph
from lissom.ir.interpreter import evaluate
from lissom.ir.samples import random_array
from lissom.ir.tensors import to_array
from lissom.ir.types import Array
from lissom.ir.values import Const, Value

SAMPLES = 16
"""Elements of each result that are compared; integers are compared whole, by a checksum."""


@dataclass(frozen=True)
class Check:
    """What one result has to be."""

    layer: int
    result: int
    count: int
    c_type: str
    checksum: int
    tolerance: float
    indices: list[int]
    values: list[float]


def reference(graph: Graph, edges: Edges, vectors: Sequence[Sequence[Array]] | None) -> dict[Value, Array]:
    """Every value of the graph, as the interpreter computes it from the first vector, or from pseudo-random inputs."""
    feed = list(vectors[0]) if vectors else [random_array(i.name, _static(i), i.type.dtype) for i in graph.inputs]
    known: dict[Value, Array] = {}

    def observe(value: Value, tensor: torch.Tensor) -> None:
        known[value] = to_array(tensor, value.type.dtype)

    if len(feed) != len(graph.inputs):
        raise DataError(f"a test vector has {len(feed)} inputs, the model takes {len(graph.inputs)}")
    evaluate(graph, *feed, observe=observe)
    known.update(zip(graph.inputs, feed, strict=True))
    known.update((v, v.data) for v in (*graph.outputs, *edges.outputs) if isinstance(v, Const))
    return known


def _static(value: Value) -> tuple[int, ...]:
    assert value.type.static is not None
    return value.type.static


def check(layer: int, result: int, array: Array) -> Check:
    """The facts of one result."""
    flat = np.ascontiguousarray(array).reshape(-1)
    indices = sorted({int(i) for i in np.linspace(0, flat.size - 1, SAMPLES)}) if flat.size else []
    is_float = flat.dtype.kind == "f"
    size = float(np.abs(flat[np.isfinite(flat)]).max(initial=0.0)) if is_float else 0.0
    checksum = 0 if is_float else fnv(flat.tobytes())
    c_type = {"bool": "uint8_t", "float32": "float", "float64": "double"}.get(flat.dtype.name, f"{flat.dtype.name}_t")
    values = [float(flat[i]) for i in indices]
    return Check(layer, result, flat.size, c_type, checksum, 1e-4 * size + 1e-6 if is_float else 0.0, indices, values)


def selftest(
    program: Program, inputs: Sequence[Port], outputs: Sequence[Port], known: Mapping[Value, Array], edges: Edges
) -> str:
    """The test program."""
    n, upper = program.name, program.name.upper()
    finals = [check(-1, i, known[v]) for i, v in enumerate(edges.outputs)]
    traced = [
        check(i, r, known[value].transpose(order))
        for i, layer in enumerate(program.layers)
        for r, (order, value) in enumerate(zip(layer.orders, layer.op.results, strict=False))
        if value in known and known[value].size
    ]
    arrays = [line for i, v in enumerate(edges.inputs) for line in _input(n, i, known[v])]
    buffers = [f"static {p.c_type} output_{i}[{max(1, p.size)}];" for i, p in enumerate(outputs)]
    given = ", ".join(f"(const {p.c_type} *)(const void *)input_{i}" for i, p in enumerate(inputs)) or "NULL"
    taken = ", ".join(f"output_{i}" for i in range(len(outputs))) or "NULL"
    finals_c = [line for c in finals for line in _check(c, f"output_{c.result}")]
    traced_c = [line for i, c in enumerate(traced) for line in _check(c, f"layer_{i}")]
    names = ", ".join(f'"{comment(layer.op.describe())}"' for layer in program.layers) or '""'
    calls = [f"    failed |= {_compare(c, f'output_{c.result}', f'output_{c.result}')};" for c in finals]
    cases = [
        f"    if (layer == {c.layer} && result == {c.result}) {{\n"
        f"        bad = {_compare(c, 'data', f'layer_{i}')};\n"
        "    }"
        for i, c in enumerate(traced)
    ]
    return "\n".join(
        [
            f"/* Runs {n} on a known input and compares; exit status 0 means that all is well.",
            f" * With -DTRACE spelled -D{upper}_TRACE for all units, names the first layer that differs. */",
            f'#include "{n}.h"',
            "",
            "#include <math.h>",
            "#include <stdio.h>",
            "#include <string.h>",
            "",
            *arrays,
            *buffers,
            f"static union {{ double align; uint8_t bytes[{upper}_ARENA_BYTES + {upper}_ARENA_ALIGN]; }} arena;",
            "",
            "typedef struct {",
            "    uint32_t index;",
            "    double value;",
            "} sample;",
            "",
            *finals_c,
            f"#ifdef {upper}_TRACE",
            *traced_c,
            "#endif",
            "",
            _HELPERS,
            f"#ifdef {upper}_TRACE",
            f"static const char *const layers[] = {{{names}}};",
            "static int differs = -1;",
            "",
            f"void {n}_trace(int layer, int result, const void *data, size_t bytes)",
            "{",
            "    int bad = 0;",
            "    (void)bytes;",
            "    (void)result;",
            "    (void)data;",
            *cases,
            "    if (bad && differs < 0) {",
            "        differs = layer;",
            '        printf("layer %d, %s, is the first that differs\\n", layer, layers[layer]);',
            "    }",
            "}",
            "#endif",
            "",
            "int main(void)",
            "{",
            "    int failed = 0;",
            f"    const {n}_inputs inputs = {{{given}}};",
            f"    {n}_outputs outputs = {{{taken}}};",
            f"    const size_t past = (uintptr_t)arena.bytes % {upper}_ARENA_ALIGN;",
            f"    uint8_t *const memory = arena.bytes + ({upper}_ARENA_ALIGN - past) % {upper}_ARENA_ALIGN;",
            *(
                [
                    f"    if ({n}_init() != {upper}_OK) {{",
                    f'        printf("{n} may not use AMX here\\n");',
                    "        return 2;",
                    "    }",
                ]
                if program.asks
                else []
            ),
            f"    const int status = {n}_run(&inputs, &outputs, memory);",
            f"    if (status != {upper}_OK) {{",
            f'        printf("{n}_run returned %d\\n", status);',
            "        return 2;",
            "    }",
            *calls,
            f"#ifdef {upper}_TRACE",
            "    failed |= differs >= 0;",
            "#endif",
            f'    printf("{n}: %s\\n", failed ? "FAILED" : "ok");',
            "    return failed;",
            "}",
            "",
        ]
    )


def _input(name: str, index: int, array: Array) -> Iterator[str]:
    rows = list(word_rows(array))
    yield f"static const uint64_t input_{index}[] = {{"
    yield from rows
    yield "};"


def _check(c: Check, name: str) -> Iterator[str]:
    pairs = ", ".join(f"{{{i}u, {_double(v)}}}" for i, v in zip(c.indices, c.values, strict=True))
    yield f"static const sample {name}_samples[] = {{{pairs or '{0u, 0.0}'}}};"


def _double(value: float) -> str:
    if np.isnan(value):
        return "(double)NAN"
    if np.isinf(value):
        return "(double)INFINITY" if value > 0 else "-(double)INFINITY"
    return value.hex()


def _compare(c: Check, data: str, name: str) -> str:
    code = {"float": 1, "double": 2}.get(c.c_type, 0)
    samples = f"{name}_samples, {len(c.indices)}"
    if code:
        return f"floats_differ({data}, {code}, {samples}, {_double(c.tolerance)})"
    return f"bytes_differ({data}, sizeof({c.c_type}) * {c.count}u, {c.checksum}u, {name}_samples)"


_HELPERS = """\
static int floats_differ(const void *data, int kind, const sample *s, int count, double tolerance)
{
    for (int i = 0; i < count; ++i) {
        double got;
        if (kind == 1) {
            float v;
            memcpy(&v, (const uint8_t *)data + s[i].index * sizeof v, sizeof v);
            got = (double)v;
        } else {
            memcpy(&got, (const uint8_t *)data + s[i].index * sizeof got, sizeof got);
        }
        if (!(fabs(got - s[i].value) <= tolerance) && !(got >= s[i].value && got <= s[i].value) &&
            !(isnan(got) && isnan(s[i].value))) {
            printf("element %u is %g, expected %g\\n", (unsigned)s[i].index, got, s[i].value);
            return 1;
        }
    }
    return 0;
}

/* Compares the FNV-1a checksum. */
static int bytes_differ(const void *data, size_t bytes, uint32_t checksum, const sample *s)
{
    uint32_t value = 0x811c9dc5u;
    (void)s;
    for (size_t i = 0; i < bytes; ++i) {
        value = (value ^ ((const uint8_t *)data)[i]) * 0x01000193u;
    }
    return value != checksum;
}

/* Whichever of the two this model does not need. */
int (*const compare_floats)(const void *, int, const sample *, int, double) = floats_differ;
int (*const compare_bytes)(const void *, size_t, uint32_t, const sample *) = bytes_differ;
"""
