"""Sizes of axes: plain ``int`` or a symbolic :class:`SymDim` such as ``N``, ``2*H+1`` or ``(H-1)//2+1``.

A ``SymDim`` is a polynomial with integer coefficients over *atoms*: named symbols, and the few functions
(floor division, modulo, max, min, broadcast) that shape arithmetic of networks needs. The canonical form makes equality
structural: two dims are equal exactly when their polynomials are. Anything that simplifies to a number *is* an
``int``, so ``isinstance(d, int)`` is the test for a static size.
"""

from __future__ import annotations

import ast
import itertools
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from keyword import iskeyword
from typing import TypeAlias, Union

from lissom.ir.errors import DataError, ParseError

Dim: TypeAlias = Union[int, "SymDim"]


@dataclass(frozen=True)
class Symbol:
    """A named unknown size, such as the batch ``N``."""

    name: str

    def __str__(self) -> str:
        return self.name if _PLAIN_SYMBOL.match(self.name) and not iskeyword(self.name) else repr(self.name)


@dataclass(frozen=True)
class Call:
    """A function of dims that has no polynomial form, such as ``floordiv(H-1, 2)``."""

    function: str
    args: tuple[Dim, ...]

    def __str__(self) -> str:
        if self.function in _INFIX:
            left, right = (f"({a})" if isinstance(a, SymDim) and not a.is_atom else str(a) for a in self.args)
            return f"{left}{_INFIX[self.function]}{right}"
        return f"{self.function}({', '.join(map(str, self.args))})"


Atom: TypeAlias = Symbol | Call
Monomial: TypeAlias = tuple[Atom, ...]  # sorted; () is the constant term


def _broadcast(a: int, b: int) -> int:
    if a != b and 1 not in (a, b):
        raise DataError(f"sizes {a} and {b} do not broadcast")
    return b if a == 1 else a


_FUNCTIONS: dict[str, Callable[[int, int], int]] = {
    "floordiv": lambda a, b: a // b,
    "mod": lambda a, b: a % b,
    "max": max,
    "min": min,
    "broadcast": _broadcast,
}
_INFIX = {"floordiv": "//", "mod": " % "}  # not %N, which is a reference in IR text
_PLAIN_SYMBOL = re.compile(rf"(?!({'|'.join(_FUNCTIONS)})\Z)[A-Za-z_][A-Za-z_0-9]*\Z")


@dataclass(frozen=True)
class SymDim:
    """A size that is not known as a number: ``terms`` maps each monomial to its coefficient (sorted, none zero)."""

    terms: tuple[tuple[Monomial, int], ...]

    def __add__(self, other: Dim) -> Dim:
        return _poly(itertools.chain(self.terms, _terms(other)))

    __radd__ = __add__

    def __neg__(self) -> Dim:
        return self * -1

    def __sub__(self, other: Dim) -> Dim:
        return self + -other

    def __rsub__(self, other: Dim) -> Dim:
        return -self + other

    def __mul__(self, other: Dim) -> Dim:
        return _poly((tuple(sorted(m1 + m2, key=str)), c1 * c2) for m1, c1 in self.terms for m2, c2 in _terms(other))

    __rmul__ = __mul__

    def __floordiv__(self, other: Dim) -> Dim:
        return floordiv(self, other)

    def __rfloordiv__(self, other: Dim) -> Dim:
        return floordiv(other, self)

    def __mod__(self, other: Dim) -> Dim:
        return mod(self, other)

    def __rmod__(self, other: Dim) -> Dim:
        return mod(other, self)

    @property
    def is_atom(self) -> bool:
        """True for a bare symbol or a call such as ``max(A, B)``, which prints without parentheses wherever it is."""
        if len(self.terms) != 1 or self.terms[0][1] != 1 or len(self.terms[0][0]) != 1:
            return False
        (atom,) = self.terms[0][0]
        return isinstance(atom, Symbol) or atom.function not in _INFIX

    def __str__(self) -> str:
        parts: list[str] = []
        for monomial, c in self.terms:
            infix = [isinstance(a, Call) and a.function in _INFIX for a in monomial]
            alone = len(monomial) == 1 and c == 1 and len(self.terms) == 1
            factors = [f"({a})" if i and not alone else str(a) for a, i in zip(monomial, infix, strict=True)]
            body = "*".join(factors if abs(c) == 1 and factors else [str(abs(c)), *factors])
            parts.append(("-" if c < 0 else "+" if parts else "") + body)
        return "".join(parts)

    __repr__ = __str__


def symbol(name: str) -> SymDim:
    """The unknown size called ``name``."""
    return SymDim((((Symbol(name),), 1),))


def _terms(dim: Dim) -> tuple[tuple[Monomial, int], ...]:
    if isinstance(dim, SymDim):
        return dim.terms
    return (((), int(dim)),) if dim else ()


def _poly(terms: Iterator[tuple[Monomial, int]] | itertools.chain[tuple[Monomial, int]]) -> Dim:
    sums: dict[Monomial, int] = {}
    for monomial, c in terms:
        sums[monomial] = sums.get(monomial, 0) + c
    kept = {m: c for m, c in sums.items() if c}
    if not kept.keys() - {()}:
        return kept.get((), 0)
    # Highest degree first, the constant last: 2*H*W+H+1.
    return SymDim(tuple(sorted(kept.items(), key=lambda t: (-len(t[0]), tuple(map(str, t[0]))))))


def _call(function: str, *args: Dim) -> Dim:
    return SymDim((((Call(function, args),), 1),))


def divides(dim: Dim, divisor: Dim) -> Dim | None:
    """``dim / divisor`` when that is exact for every value of the symbols, else None: long division of polynomials."""
    if divisor == 0:
        return None
    monomial, coefficient = _terms(divisor)[0]
    quotient: Dim = 0
    while dim != 0:
        m, c = _terms(dim)[0]
        rest = list(m)
        for atom in monomial:
            if atom not in rest:
                return None
            rest.remove(atom)
        if c % coefficient:
            return None
        part = _poly(iter([(tuple(rest), c // coefficient)]))
        quotient = quotient + part
        dim = dim - part * divisor
    return quotient


def floordiv(a: Dim, b: Dim) -> Dim:
    """``a // b``: exact parts are divided out, so ``(4*H+1)//4`` is ``H``."""
    if isinstance(a, int) and isinstance(b, int):
        return a // b
    exact = divides(a, b)
    if exact is not None:
        return exact
    if isinstance(b, int) and isinstance(a, SymDim) and b > 0:
        whole = _poly((m, c // b) for m, c in a.terms if c % b == 0 or not m)
        rest = a - whole * b
        if isinstance(rest, int):
            return whole + rest // b
        common = math.gcd(b, *(c for m, c in rest.terms if m))
        if common > 1:  # (4*H+5)//8 is (H+1)//2
            return whole + floordiv(_poly((m, c // common) for m, c in rest.terms), b // common)
        match rest.terms:
            case (((Call("floordiv", (SymDim() as inner, int(first))),), 1), *constant) if first > 0:
                # ((H+1)//2+1)//2 is (H+3)//4
                return whole + floordiv(inner + sum(c for _, c in constant) * first, first * b)
        return whole + _call("floordiv", rest, b)
    return _call("floordiv", a, b)


def mod(a: Dim, b: Dim) -> Dim:
    """``a % b`` with the sign of ``b``, as in Python."""
    if isinstance(a, int) and isinstance(b, int):
        return a % b
    return 0 if divides(a, b) is not None else _call("mod", a, b)


def ceildiv(a: Dim, b: Dim) -> Dim:
    """The smallest integer not below ``a / b``."""
    return floordiv(a + b - 1, b) if isinstance(b, int) and b > 0 else -floordiv(-a, b)


def maximum(a: Dim, b: Dim) -> Dim:
    """The larger of two sizes; symbolic when the symbols decide."""
    difference = a - b
    if isinstance(difference, int):
        return a if difference >= 0 else b
    return _call("max", *sorted((a, b), key=str))


def minimum(a: Dim, b: Dim) -> Dim:
    """The smaller of two sizes; symbolic when the symbols decide."""
    difference = a - b
    if isinstance(difference, int):
        return b if difference >= 0 else a
    return _call("min", *sorted((a, b), key=str))


def broadcast(a: Dim, b: Dim) -> Dim:
    """The size two axes broadcast to. A symbol against a number other than 1 is taken to be that number.

    Raises ValueError for two different numbers, neither 1.
    """
    if a == b or b == 1:
        return a
    if a == 1:
        return b
    if isinstance(a, int) and isinstance(b, int):
        raise ValueError(f"sizes {a} and {b} do not broadcast")
    if isinstance(a, int):
        return a
    if isinstance(b, int):
        return b
    return _call("broadcast", *sorted((a, b), key=str))


def product(dims: tuple[Dim, ...]) -> Dim:
    """The number of elements of a shape."""
    total: Dim = 1
    for d in dims:
        total = total * d
    return total


def symbols(dim: Dim) -> set[str]:
    """Names of all symbols ``dim`` depends on."""
    names: set[str] = set()
    for monomial, _ in _terms(dim):
        for atom in monomial:
            if isinstance(atom, Symbol):
                names.add(atom.name)
            else:
                names.update(*(symbols(a) for a in atom.args))
    return names


def bind(dim: Dim, sizes: Mapping[str, Dim]) -> Dim:
    """``dim`` with the symbols in ``sizes`` put in; an int when nothing unknown is left."""
    if isinstance(dim, int):
        return dim
    total: Dim = 0
    for monomial, c in dim.terms:
        term: Dim = c
        for atom in monomial:
            term = term * _bind_atom(atom, sizes)
        total = total + term
    return total


def _bind_atom(atom: Atom, sizes: Mapping[str, Dim]) -> Dim:
    if isinstance(atom, Symbol):
        value = sizes.get(atom.name)
        return symbol(atom.name) if value is None else value
    a, b = (bind(arg, sizes) for arg in atom.args)
    if isinstance(a, int) and isinstance(b, int):
        return _FUNCTIONS[atom.function](a, b)
    return _BUILDERS[atom.function](a, b)


_BUILDERS: dict[str, Callable[[Dim, Dim], Dim]] = {
    "floordiv": floordiv,
    "mod": mod,
    "max": maximum,
    "min": minimum,
    "broadcast": broadcast,
}


def solve(dim: Dim, size: int) -> tuple[str, int] | None:
    """The symbol and value that make an affine ``a*S+b`` equal ``size``; None for other forms or no integer."""
    if isinstance(dim, int) or len(names := symbols(dim)) != 1:
        return None
    coefficient, constant = 0, 0
    for monomial, c in dim.terms:
        if monomial == ():
            constant = c
        elif len(monomial) == 1 and isinstance(monomial[0], Symbol):
            coefficient = c
        else:
            return None
    value, rest = divmod(size - constant, coefficient)
    return None if rest else (names.pop(), value)


def parse_dim(text: str) -> Dim:
    """Read a dim as :func:`str` writes it: ``3``, ``N``, ``2*H+1``, ``(H-1)//2``, ``max(A, B)``, ``'odd name'``."""
    try:
        return dim_from_ast(ast.parse(text.strip(), mode="eval").body)
    except SyntaxError as e:
        raise ParseError(f"not a dim: {text!r}") from e


def dim_from_ast(node: ast.expr) -> Dim:
    """The dim a Python expression node spells; raises ParseError for anything else."""
    match node:
        case ast.Constant(int() as value) if not isinstance(value, bool):
            return value
        case ast.Constant(str() as name) | ast.Name(name):
            return symbol(name)
        case ast.UnaryOp(ast.USub(), operand):
            return -dim_from_ast(operand)
        case ast.BinOp(left, op, right):
            a, b = dim_from_ast(left), dim_from_ast(right)
            match op:
                case ast.Add():
                    return a + b
                case ast.Sub():
                    return a - b
                case ast.Mult():
                    return a * b
                case ast.FloorDiv():
                    return floordiv(a, b)
                case ast.Mod():
                    return mod(a, b)
        case ast.Call(ast.Name(function), [left, right]) if function in _BUILDERS:
            return _BUILDERS[function](dim_from_ast(left), dim_from_ast(right))
    raise ParseError(f"not a dim: {ast.unparse(node)}")
