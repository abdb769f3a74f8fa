"""A large kernel as a stack of 3x3 ones (Simonyan and Zisserman 2014, arXiv:1409.1556, section 2.3)."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from lissom.ir.values import Value
from lissom.passes.factorize.chain import Piece
from lissom.passes.least_squares.linear import Matrix
from lissom.passes.substitute.block import Built, Site, Unsuitable

SMALL = 3
ITERATIONS = 20
RIDGE = 1e-6


def convolved(first: Matrix, second: Matrix) -> Matrix:
    """The kernel of ``second`` after ``first``: w[o, i] = sum over m of second[o, m] * first[m, i], convolved."""
    taps = [a + b - 1 for a, b in zip(first.shape[2:], second.shape[2:], strict=True)]
    total = np.zeros((second.shape[0], first.shape[1], *taps))
    for at in itertools.product(*map(range, second.shape[2:])):
        place: tuple[Any, ...] = (..., *(slice(p, p + k) for p, k in zip(at, first.shape[2:], strict=True)))
        tap: tuple[Any, ...] = (..., *at)
        total[place] += np.tensordot(second[tap], first, (1, 0))
    return total


def split(kernel: Matrix, middle: int, seed: int = 0) -> tuple[Matrix, Matrix]:
    """``first`` (middle, I, *k - 2) and ``second`` (O, middle, 3, ...) that convolve to about ``kernel``: by ALS."""
    outputs, inputs, *taps = kernel.shape
    rank, rest = len(taps), [k - SMALL + 1 for k in taps]
    rng = np.random.default_rng(seed)
    second = rng.standard_normal((outputs, middle, *[SMALL] * rank)) * 0.1 / np.sqrt(middle)
    diagonal = np.arange(min(outputs, middle))
    second.reshape(outputs, middle, -1)[diagonal, diagonal, SMALL**rank // 2] += 1.0
    target_in = np.moveaxis(kernel, 1, -1).reshape(-1, inputs)  # (O * taps, I)
    target_out = np.moveaxis(kernel, 0, -1).reshape(-1, outputs)  # (I * taps, O)
    for _ in range(ITERATIONS):
        a = _placed(second, rest, taps)  # (O * taps, middle * rest)
        first = np.moveaxis(_ridge(a, target_in).reshape(middle, *rest, inputs), -1, 1)
        b = _placed(np.moveaxis(first, 1, 0), [SMALL] * rank, taps)  # (I * taps, middle * 3s)
        second = np.moveaxis(_ridge(b, target_out).reshape(middle, *[SMALL] * rank, outputs), -1, 0)
    return first, second


def _placed(w: Matrix, other: list[int], taps: list[int]) -> Matrix:
    """Convolution of ``w`` (rows, middle, *k) with kernels (middle, *other): (rows * taps, middle * other)."""
    rows, middle, *k = w.shape
    matrix = np.zeros((*other, rows, *taps, middle))
    for at in itertools.product(*map(range, other)):
        place: tuple[Any, ...] = (*at, slice(None), *(slice(p, p + n) for p, n in zip(at, k, strict=True)))
        matrix[place] = np.moveaxis(w, 1, -1)
    spread = matrix.reshape(int(np.prod(other)), -1, middle)
    return np.moveaxis(spread, 0, -1).reshape(spread.shape[1], -1)


def _ridge(a: Matrix, y: Matrix) -> Matrix:
    gram = a.T @ a
    solved: Matrix = np.linalg.solve(gram + np.eye(len(gram)) * RIDGE * np.trace(gram) / len(gram), a.T @ y)
    return solved


def small_kernels(site: Site) -> Built:
    """5x5 becomes two 3x3, 7x7 three: the last with the strides; ``ratio``: width between, relative to the
    narrower side, default 1."""
    op, taps = site.op, list(site.layer.taps)
    if len(set(taps)) > 1 or not taps or taps[0] < 5 or taps[0] % 2 == 0:
        raise Unsuitable(f"its kernel {tuple(taps)} is no large odd square")
    if op.auto_pad != "NOTSET":
        raise Unsuitable("its padding depends on sizes that are not known")
    rank, count = len(taps), taps[0] // 2
    pads = np.array(op.pads)
    shares = [pads * (i + 1) // count - pads * i // count for i in range(count)]
    middle = site.width(1.0, min(site.layer.shape[:2]))
    pieces: list[Matrix] = []
    rest = site.kernel
    for _ in range(count - 1):
        rest, last = split(rest, middle)
        pieces.insert(0, last)
    pieces.insert(0, site.unwhitened(rest))
    x: Value = site.layer.x
    for i, (w, share) in enumerate(zip(pieces, shares, strict=True)):
        is_last = i == count - 1
        strides = op.strides if is_last else (1,) * rank
        made = site.link(x, Piece(w, site.axes), i, is_last).replace(strides=strides, pads=tuple(map(int, share)))
        x = made if is_last else site.activated(made)
    return Built(made, ((made, None),))
