"""Writes ``model_weights.c``.

Constants are written as string literals, which compilers read quickest: 25 MB take gcc 12 2 s and clang 14 0.5 s of
processor time so, against 11 s and 4 s as 64-bit words; -pedantic limits a literal to 4,095 bytes, so that is the
longest row. Reading them through pointers to other types is safe here, because a constant is never stored to.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lissom.backends.c.names import comment
from lissom.backends.c.program import Program
from lissom.ir.types import Array

WORDS_A_LINE = 6
ROW = 4095
"""Bytes in the longest literal that C99 promises."""
BYTES_A_LINE = 28
_ESCAPES = np.array([f"\\{b:03o}" for b in range(256)], dtype="S4")


def weights_header(program: Program) -> str:
    """The private header that model.c and model_weights.c share."""
    n = program.name
    declarations = [f"extern const union {n}_w{w.index} {_members(w.nbytes)} {n}_w{w.index};" for w in program.weights]
    guard = f"{n.upper()}_WEIGHTS_H"
    lines = [f"#ifndef {guard}", f"#define {guard}", "", "#include <stdint.h>", "", *declarations, "", "#endif", ""]
    return "\n".join(lines)


def weights_source(program: Program) -> str:
    """The unit that holds all constants."""
    n, upper = program.name, program.name.upper()
    lines = [
        f'#include "{n}_weights.h"',
        "",
        "#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__",
        '#error "these constants are written for little-endian machines"',
        "#endif",
        "",
        f"/* Define {upper}_WEIGHTS_SECTION to put the constants into a section of your choice. */",
        f"#ifndef {upper}_WEIGHTS_SECTION",
        f"#define {upper}_WEIGHTS_SECTION",
        "#endif",
        "/* Vectors are read fastest where they do not cross lines of the cache. */",
        "#ifdef __GNUC__",
        f"#define {upper}_WEIGHTS_ALIGN __attribute__((aligned({program.alignment})))",
        "#else",
        f"#define {upper}_WEIGHTS_ALIGN",
        "#endif",
        "/* The rows are bytes, not texts: they have no NUL at the end. */",
        "#if defined(__GNUC__) && (__GNUC__ >= 15 || (defined(__clang__) && __clang_major__ >= 21))",
        '#pragma GCC diagnostic ignored "-Wunterminated-string-initialization"',
        "#endif",
    ]
    for w in program.weights:
        assert w.data is not None
        shape = "x".join(map(str, w.data.shape)) or "scalar"
        lines += [
            "",
            f"/* {comment(w.name)}: {_dtype(w.data)} {shape} */",
            f"{upper}_WEIGHTS_SECTION {upper}_WEIGHTS_ALIGN const union {n}_w{w.index} {n}_w{w.index} = {{{{",
            *_literals(w.data),
            "}};",
        ]
    return "\n".join([*lines, ""])


def _members(nbytes: int) -> str:
    """What a constant is in C: rows of bytes, aligned as 64-bit words are."""
    rows, row = _rows(nbytes)
    return f"{{ uint8_t bytes[{rows}][{row}]; uint64_t words; }}"


def _rows(nbytes: int) -> tuple[int, int]:
    """How many rows of how many bytes hold ``nbytes``."""
    rows = max(1, -(-nbytes // ROW))
    return rows, max(1, -(-nbytes // rows))


def _literals(data: Array) -> Iterator[str]:
    raw = np.ascontiguousarray(data).tobytes()
    rows, row = _rows(len(raw))
    for start in range(0, rows * row, row):
        text = _ESCAPES[np.frombuffer(raw[start : start + row].ljust(row, b"\0"), np.uint8)].tobytes().decode()
        pieces = [f'    "{text[i : i + 4 * BYTES_A_LINE]}"' for i in range(0, len(text), 4 * BYTES_A_LINE)]
        yield from (*pieces[:-1], pieces[-1] + ",")


def _dtype(data: Array) -> str:
    return "structs" if data.dtype.names else data.dtype.name


def word_rows(data: Array) -> Iterator[str]:
    """The bytes of an array as lines of an initializer of 64-bit words."""
    raw = np.ascontiguousarray(data).tobytes()
    words = np.frombuffer(raw.ljust(max(1, -(-len(raw) // 8)) * 8, b"\0"), "<u8")
    for i in range(0, len(words), WORDS_A_LINE):
        yield "    " + ", ".join(f"0x{v:016x}" for v in words[i : i + WORDS_A_LINE].tolist()) + ","
