"""Writes ``model_weights.c``.

Constants are written as 64-bit words in hexadecimal. 10 MB take gcc 3.8 s and clang 1.1 s so, against 11 s and 4 s as
32-bit words, 34 s and 16 s as bytes; string literals take 1 s, but -pedantic limits them to 4,095 bytes. Reading words
through pointers to other types is safe here, because a constant is never stored to.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lissom.backends.c.names import comment
from lissom.backends.c.program import Program
from lissom.ir.types import Array

WORDS_A_LINE = 6


def weights_header(program: Program) -> str:
    """The private header that model.c and model_weights.c share."""
    n = program.name
    declarations = [f"extern const uint64_t {n}_w{w.index}[{_words(w.nbytes)}];" for w in program.weights]
    guard = f"{n.upper()}_WEIGHTS_H"
    lines = [f"#ifndef {guard}", f"#define {guard}", "", "#include <stdint.h>", "", *declarations, "", "#endif", ""]
    return "\n".join(lines)


def weights_source(program: Program) -> str:
    """The unit that holds all constants."""
    n = program.name
    lines = [
        f'#include "{n}_weights.h"',
        "",
        "#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__",
        '#error "these constants are written for little-endian machines"',
        "#endif",
        "",
        f"/* Define {n.upper()}_WEIGHTS_SECTION to put the constants into a section of your choice. */",
        f"#ifndef {n.upper()}_WEIGHTS_SECTION",
        f"#define {n.upper()}_WEIGHTS_SECTION",
        "#endif",
    ]
    for w in program.weights:
        assert w.data is not None
        shape = "x".join(map(str, w.data.shape)) or "scalar"
        lines += [
            "",
            f"/* {comment(w.name)}: {_dtype(w.data)} {shape} */",
            f"{n.upper()}_WEIGHTS_SECTION const uint64_t {n}_w{w.index}[{_words(w.nbytes)}] = {{",
            *word_rows(w.data),
            "};",
        ]
    return "\n".join([*lines, ""])


def _dtype(data: Array) -> str:
    return "structs" if data.dtype.names else data.dtype.name


def _words(nbytes: int) -> int:
    return max(1, -(-nbytes // 8))


def word_rows(data: Array) -> Iterator[str]:
    """The bytes of an array as lines of an initializer of 64-bit words."""
    raw = np.ascontiguousarray(data).tobytes()
    words = np.frombuffer(raw.ljust(_words(len(raw)) * 8, b"\0"), "<u8")
    for i in range(0, len(words), WORDS_A_LINE):
        yield "    " + ", ".join(f"0x{v:016x}" for v in words[i : i + WORDS_A_LINE].tolist()) + ","
