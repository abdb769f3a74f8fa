"""Names from the model as C can take them. No model can put code into what is written."""

from __future__ import annotations

import re

from lissom.ir.errors import DataError

_WORDS = """
auto break case char const continue default do double else enum extern float for goto if inline int long register
restrict return short signed sizeof static struct switch typedef union unsigned void volatile while _Bool _Complex
_Imaginary and and_eq asm bitand bitor bool catch class compl const_cast constexpr decltype delete dynamic_cast explicit
export false friend mutable namespace new noexcept not not_eq nullptr operator or or_eq private protected public
reinterpret_cast static_assert static_cast template this thread_local throw true try typeid typename using virtual
wchar_t xor xor_eq NULL main linux unix
"""
KEYWORDS = frozenset(_WORDS.split())
"""Words of C and C++ that cannot name a member."""


def identifier(name: str, taken: set[str]) -> str:
    """A C identifier like ``name`` that is not in ``taken``, and is then."""
    word = re.sub(r"_+", "_", re.sub(r"[^A-Za-z0-9]", "_", name)).strip("_")[:48].rstrip("_")
    if not word or word[0].isdigit() or word in KEYWORDS:
        word = f"v_{word}".rstrip("_")
    found, number = word, 1
    while found in taken:
        number += 1
        found = f"{word}_{number}"
    taken.add(found)
    return found


def prefix(name: str) -> str:
    """``name`` when it can begin the names of files, macros and functions; raises DataError when it cannot."""
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,47}", name) or name in KEYWORDS or name.startswith("lissom_"):
        raise DataError(
            f"{name!r} cannot name the C artifact: take letters, digits and _, a letter first, at most 48, "
            "no word of C or C++, not beginning with lissom_"
        )
    return name


def comment(text: str) -> str:
    """Text that may stand in a C comment or between double quotes: plain ASCII, nothing that ends either."""
    return re.sub(r"[^A-Za-z0-9 .,:;()\[\]_+=<>|-]", "_", text)[:120]
