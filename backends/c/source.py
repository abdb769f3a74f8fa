"""Writes ``model.h`` and ``model.c``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isinf, isnan
from typing import Any

import numpy as np

from lissom.backends.c.geometry import element_of, shape_of
from lissom.backends.c.names import comment, identifier
from lissom.backends.c.program import Call, Kind, Place, Program
from lissom.backends.c.threads.pool import declarations, run_in_turn
from lissom.ir.values import Value

C_ELEMENTS = {
    "f32": "float",
    "f64": "double",
    "bool": "uint8_t",
    **{f"{s}{n}": f"{'u' if s == 'u' else ''}int{n}_t" for s in "iu" for n in (8, 16, 32, 64)},
}
"""The C type of the elements of inputs and outputs."""


@dataclass(frozen=True)
class Port:
    """An input or output of the model as C sees it: the member ``name`` of a struct."""

    label: str
    name: str
    c_type: str
    dtype: str
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        return int(np.prod(self.shape))


def ports(labels: Sequence[str], values: Sequence[Value]) -> list[Port]:
    """Ports with distinct C names for values with public names."""
    taken: set[str] = set()
    return [
        Port(label, identifier(label, taken), C_ELEMENTS[element_of(v)], str(v.type.dtype), shape_of(v))
        for label, v in zip(labels, values, strict=True)
    ]


def header(program: Program, inputs: Sequence[Port], outputs: Sequence[Port], stack_bytes: int) -> str:
    """``model.h``: all a caller needs."""
    n, upper = program.name, program.name.upper()

    def members(of: Sequence[Port], const: str) -> list[str]:
        return [f"    {const}{p.c_type} *{p.name}; /* {comment(p.label)}: {_shape(p)} */" for p in of]

    lines = [
        f"/* {n}: written by lissom for {program.target}.",
        " *",
        f" * Call {n}_run with the inputs, memory for the outputs, and {upper}_ARENA_BYTES of working memory that is",
        f" * aligned to {upper}_ARENA_ALIGN. Tensors are contiguous, last axis fastest. Nothing is kept between",
        " * calls: those with different arenas may run at once. The arena must not overlap inputs or outputs. */",
        f"#ifndef {upper}_H",
        f"#define {upper}_H",
        "",
        "#include <stddef.h>",
        "#include <stdint.h>",
        "",
        "#ifdef __cplusplus",
        'extern "C" {',
        "#endif",
        "",
        f"#define {upper}_ARENA_BYTES {program.arena_bytes}",
        f"#define {upper}_ARENA_ALIGN {program.alignment}",
        "/* The most stack that a call takes; functions of the C library that are not known are taken at 64 bytes. */",
        f"#define {upper}_STACK_BYTES_MAX {stack_bytes}",
        f"#define {upper}_LAYERS {len(program.layers)}",
        "",
        "typedef struct {",
        *(members(inputs, "const ") or ["    const void *none;"]),
        f"}} {n}_inputs;",
        "",
        "typedef struct {",
        *(members(outputs, "") or ["    void *none;"]),
        f"}} {n}_outputs;",
        "",
        "enum {",
        f"    {upper}_OK = 0,",
        f"    {upper}_NULL_POINTER = 1,",
        f"    {upper}_ARENA_MISALIGNED = 2{',' if program.asks else ''}",
        *([f"    {upper}_NO_AMX = 3"] if program.asks else []),
        "};",
        "",
        *(
            [
                f"/* Call this once in a process, before {n}_run: it asks the system for the matrix registers of AMX.",
                f" * Returns {upper}_OK, or {upper}_NO_AMX where processor or system have none; {n}_run must then not",
                " * be called: an artifact for avx512vnni computes the same bytes. */",
                f"int {n}_init(void);",
                "",
            ]
            if program.asks
            else []
        ),
        f"/* Returns {upper}_OK, or why nothing was done. arena may be NULL when {upper}_ARENA_BYTES is 0. */",
        f"int {n}_run(const {n}_inputs *inputs, {n}_outputs *outputs, void *arena);",
        "",
        *(declarations(n, program.threads) if program.threads > 1 else []),
        f"#ifdef {upper}_TRACE",
        "/* Yours to define: called after each layer with its result. */",
        f"void {n}_trace(int layer, int result, const void *data, size_t bytes);",
        "#endif",
        "",
        "#ifdef __cplusplus",
        "}",
        "#endif",
        "",
        "#endif",
        "",
    ]
    return "\n".join(lines)


def _shape(port: Port) -> str:
    return f"{port.dtype} {'x'.join(map(str, port.shape)) or 'scalar'}"


def body(program: Program, inputs: Sequence[Port], outputs: Sequence[Port], interface: str = "") -> str:
    """``model.c``: one kernel call after the other. A level of a larger program has the types and macros of that one's
    header, ``interface``."""
    n = interface or program.name
    upper = n.upper()
    headers = sorted({k.task.header for k in program.kernels})
    writer = _Writer(program, inputs, outputs, n)
    steps: list[str] = []
    for i, layer in enumerate(program.layers):
        steps += ["", f"    /* {i}: {comment(layer.op.describe())}{'' if layer.calls else ', which takes no work'} */"]
        if layer.calls:
            calls = [line for c in layer.calls for line in writer.call(c)]
            steps += [f"    {upper}_LAYER_BEGIN({i});", *calls, f"    {upper}_LAYER_END({i});"]
        for r, (place, value) in enumerate(zip(layer.results, layer.op.results, strict=False)):
            nbytes = value.type.size() * value.type.dtype.numpy.itemsize
            if nbytes:
                steps.append(f"    {upper}_RESULT({i}, {r}, {writer.pointer(place)}, {nbytes});")
    takes = f"const {n}_inputs *inputs, {n}_outputs *outputs, void *arena"
    run = f"int {program.name}_run({takes})"
    if program.threads > 1:
        run = f"int {program.name}_run_parallel({takes}, {n}_parallel_for parallel, void *context)"
    checks = [f"inputs->{p.name} == NULL" for p in inputs] + [f"outputs->{p.name} == NULL" for p in outputs]
    lines = [
        f'#include "{n}.h"',
        f'#include "{program.name}_weights.h"',
        "",
        *(["#include <math.h>", ""] if any("NAN" in s or "INFINITY" in s for s in writer.structs) else []),
        *(f'#include "kernels/{h}"' for h in [*headers, *(["lissom_amx_init.h"] if program.asks else [])]),
        "",
        *(line for k in program.kernels for line in _wrapped(k.prototype)),
        "",
        "/* Hooks around each layer, for profiling: define them on the compiler's command line. */",
        f"#ifndef {upper}_LAYER_BEGIN",
        f"#define {upper}_LAYER_BEGIN(layer) ((void)0)",
        "#endif",
        f"#ifndef {upper}_LAYER_END",
        f"#define {upper}_LAYER_END(layer) ((void)0)",
        "#endif",
        f"#ifdef {upper}_TRACE",
        f"#define {upper}_RESULT(layer, result, data, bytes) {n}_trace(layer, result, data, bytes)",
        "#else",
        f"#define {upper}_RESULT(layer, result, data, bytes) ((void)0)",
        "#endif",
        "",
        "/* A place in the working memory. */",
        "#define AT(offset) ((void *)(memory + (offset)))",
        "",
        *writer.structs,
        "",
        *(writer.parts and [*_frame(n), *writer.parts]),
        *(
            [f"int {n}_init(void)", "{", f"    return lissom_amx_allowed() ? {upper}_OK : {upper}_NO_AMX;", "}", ""]
            if program.asks
            else []
        ),
        *([*_wrapped(f"{run};"), ""] if interface else []),
        *_wrapped(run),
        "{",
        "    uint8_t *const memory = arena;",
        f"    if (inputs == NULL || outputs == NULL || (memory == NULL && {upper}_ARENA_BYTES > 0)) {{",
        f"        return {upper}_NULL_POINTER;",
        "    }",
        *([f"    if ({' || '.join(checks)}) {{", f"        return {upper}_NULL_POINTER;", "    }"] if checks else []),
        f"    if ((uintptr_t)memory % {upper}_ARENA_ALIGN != 0) {{",
        f"        return {upper}_ARENA_MISALIGNED;",
        "    }",
        *(writer.parts and ["    frame task = {inputs, outputs, memory};", _IN_TURN]),
        *(["    (void)parallel;", "    (void)context;"] if program.threads > 1 and not writer.parts else []),
        *steps,
        f"    return {upper}_OK;",
        "}",
        "",
        *(run_in_turn(n) if program.threads > 1 and not interface else []),
    ]
    return "\n".join(lines)


def _frame(n: str) -> list[str]:
    """What parts need besides constants, and how they are computed without threads."""
    return [
        "typedef struct {",
        f"    const {n}_inputs *inputs;",
        f"    {n}_outputs *outputs;",
        "    uint8_t *memory;",
        "} frame;",
        "",
        "static void in_turn(void *context, int parts, void (*part)(void *task, int index), void *task)",
        "{",
        "    (void)context;",
        "    for (int i = 0; i < parts; ++i) {",
        "        part(task, i);",
        "    }",
        "}",
        "",
    ]


_IN_TURN = """\
    if (parallel == NULL) {
        parallel = in_turn;
    }"""


class _Writer:
    """Spells calls. Equal parameter structs are written once. Of a call that is divided, ``parts`` has a function that
    computes a part, by number."""

    def __init__(self, program: Program, inputs: Sequence[Port], outputs: Sequence[Port], interface: str) -> None:
        self.program = program
        self.interface = interface
        self.members = {Kind.input: [p.name for p in inputs], Kind.output: [p.name for p in outputs]}
        self.structs: list[str] = []
        self.parts: list[str] = []
        self._divided = 0
        self._named: dict[tuple[str, str], str] = {}

    def call(self, call: Call) -> list[str]:
        """The lines of a call; ``void *`` converts to whatever the kernel takes."""
        return self._parallel(call) if call.parts else self._alone(call)

    def _parallel(self, call: Call) -> list[str]:
        name = f"parts_{self._divided}"
        self._divided += 1
        cases = [line for i, part in enumerate(call.parts) for line in self._case(i, part)]
        used = {member: any(f"{member}->" in line for line in cases) for member in ("inputs", "outputs")}
        used["memory"] = any("AT(" in line for line in cases)
        members = {"inputs": "const {0}_inputs *", "outputs": "{0}_outputs *", "memory": "uint8_t *"}
        self.parts += [
            f"static void {name}(void *task, int index)",
            "{",
            "    const frame *const run = task;",
            *(f"    {members[m].format(self.interface)}const {m} = run->{m};" for m in members if used[m]),
            *([] if any(used.values()) else ["    (void)run;"]),
            "    switch (index) {",
            *cases,
            "    default:",
            "        break;",
            "    }",
            "}",
            "",
        ]
        return [f"    parallel(context, {len(call.parts)}, {name}, &task);"]

    def _case(self, index: int, part: Call) -> list[str]:
        return [f"    case {index}:", *(f"    {line}" for line in self._alone(part)), "        break;"]

    def _alone(self, call: Call) -> list[str]:
        arguments = [f"&{self._struct(call)}"]
        arguments += ["NULL" if place is None else self.pointer(place) for place in call.arguments]
        if call.kernel.task.takes_scratch:
            arguments.append("NULL" if call.scratch is None else self.pointer(Place(call.scratch)))
        return _wrapped(f"    {call.kernel.name}({', '.join(arguments)});")

    def pointer(self, place: Place) -> str:
        """An expression of type ``void *`` or ``const void *``."""
        at = place.resolve()
        kind, index = at.buffer.kind, at.buffer.index
        if kind is Kind.arena:
            return f"AT({self.program.offsets[at.buffer] + at.offset})"
        if kind is Kind.weights:
            return _moved(f"(const void *)&{self.program.name}_w{index}", "const uint8_t *", at.offset)
        if kind is Kind.input:
            return _moved(f"(const void *)inputs->{self.members[kind][index]}", "const uint8_t *", at.offset)
        return _moved(f"(void *)outputs->{self.members[kind][index]}", "uint8_t *", at.offset)

    def _struct(self, call: Call) -> str:
        kind, fields = call.kernel.task.params, literal(call.params)
        if (kind, fields) not in self._named:
            name = self._named[kind, fields] = f"params_{len(self._named)}"
            self.structs += _wrapped(f"static const {kind} {name} = {fields};")
        return self._named[kind, fields]


def _moved(pointer: str, bytes_type: str, offset: int) -> str:
    if offset == 0:
        return pointer
    const = "const " if bytes_type.startswith("const") else ""
    return f"({const}void *)(({bytes_type})({pointer}) + {offset})"


def _wrapped(line: str) -> list[str]:
    """``line``, broken after commas so that no piece is longer than it has to be."""
    indent = line[: len(line) - len(line.lstrip())] + "    "
    lines = [""]
    for part in line.split(", "):
        piece = f"{lines[-1]}, {part}" if lines[-1] else part
        if len(piece) > 116 and lines[-1]:
            lines[-1] += ","
            lines.append(indent + part)
        else:
            lines[-1] = piece
    return lines


def literal(value: Any) -> str:
    """A C initializer for a parameter struct, an array or a number."""
    if isinstance(value, dict):
        return "{" + ", ".join(f".{k} = {literal(v)}" for k, v in value.items()) + "}"
    if isinstance(value, tuple | list):
        return "{" + ", ".join(map(literal, value)) + "}" if value else "{0}"
    if isinstance(value, str):
        return value
    if isinstance(value, float | np.floating):
        return _float(float(np.float32(value)))
    return str(int(value))


def _float(value: float) -> str:
    if isnan(value):
        return "NAN"
    if isinf(value):
        return "INFINITY" if value > 0 else "-INFINITY"
    return f"{value.hex()}f"
