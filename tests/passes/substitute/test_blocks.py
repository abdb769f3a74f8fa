"""What a block can stand for exactly it does, and what it cannot it comes as near to as its form allows."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from lissom.ir.dims import symbol
from lissom.ir.graph import Graph
from lissom.ir.interpreter import evaluate
from lissom.ir.ops.conv import Conv
from lissom.ir.types import tensor
from lissom.ir.values import Const
from lissom.ir.verify import verify
from lissom.passes.compare import relative_error
from lissom.passes.factorize.chain import Piece, compose
from lissom.passes.factorize.layer import layer_of
from lissom.passes.least_squares.linear import Linear
from lissom.passes.substitute import BLOCKS
from lissom.passes.substitute.block import Site, Unsuitable
from lissom.passes.substitute.ghost import pairs
from lissom.passes.substitute.grouped import depthwise_on, per_group
from lissom.passes.substitute.shuffle import per_block
from lissom.passes.substitute.stack import convolved, split

torch.set_num_threads(1)
SEEDS = st.integers(0, 10**6)


def normal(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 4), st.integers(1, 3), st.integers(1, 6), st.integers(1, 3), SEEDS)
def test_per_group_is_the_best_of_its_form(groups: int, each: int, outputs: int, times: int, seed: int) -> None:
    """No gradient is left: neither factor can be improved with the other held."""
    kernel = normal(seed, outputs, groups * each, 3, 3)
    spatial, mixing = per_group(kernel, groups, times)
    assert spatial.shape == (times * groups * each, each, 3, 3)
    missing = kernel - compose([Piece(spatial, (0, 1), groups), Piece(mixing[:, :, None, None])])
    for g in range(groups):
        mine = slice(g * each, g * each + each)
        tail = np.linalg.svd(kernel[:, mine].reshape(outputs, -1), compute_uv=False)[times * each :]
        assert np.square(missing[:, mine]).sum() == pytest.approx(np.square(tail).sum(), abs=1e-9)


def window_error(kernel: np.ndarray, pair: tuple[np.ndarray, np.ndarray], windows: np.ndarray) -> float:
    spatial, mixing = pair
    other = compose([Piece(spatial, (0, 1), kernel.shape[1]), Piece(mixing[:, :, None, None])])
    missing = (kernel - other).reshape(len(kernel), -1)
    return float(np.trace(missing @ windows @ missing.T))


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 3), SEEDS)
def test_a_fit_on_data_beats_one_on_weights(times: int, seed: int) -> None:
    kernel, mixed = normal(seed, 6, 4, 3, 3), normal(seed + 1, 36, 36)
    windows = mixed @ mixed.T
    plain = per_group(kernel, 4, times)
    assert window_error(kernel, depthwise_on(windows, kernel, plain[0]), windows) < window_error(kernel, plain, windows)


def test_a_fit_on_white_data_is_the_one_on_weights() -> None:
    kernel = normal(0, 6, 4, 3, 3)
    plain = per_group(kernel, 4)
    fitted = depthwise_on(np.eye(36), kernel, plain[0])
    assert window_error(kernel, fitted, np.eye(36)) == pytest.approx(window_error(kernel, plain, np.eye(36)), rel=1e-4)


def test_shuffled_groups_find_what_they_can_express() -> None:
    kernel = np.zeros((8, 8, 3, 3))
    for to in range(2):
        for source in range(2):
            part = np.einsum("or,rk->ok", normal(to * 2 + source, 4, 2), normal(9 + to * 2 + source, 2, 36))
            kernel[to * 4 : to * 4 + 4, source * 4 : source * 4 + 4] = part.reshape(4, 4, 3, 3)
    g = graph_of(kernel, pads=(1, 1, 1, 1))
    x = normal(5, 2, 8, 9, 9).astype(np.float32)
    expected = evaluate(g, x)[0]
    install(g, "grouped_shuffle", groups=2, ratio=1.0)
    assert relative_error(expected, evaluate(g, x)[0]) < 1e-4
    assert per_block(kernel, 2, 8)[0].shape == (8, 4, 3, 3)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 4), st.integers(1, 4), st.integers(1, 4), SEEDS)
def test_stacked_kernels_convolve(o: int, m: int, i: int, seed: int) -> None:
    first, second = normal(seed, m, i, 3, 2), normal(seed + 1, o, m, 3, 3)
    x = torch.from_numpy(normal(seed + 2, 1, i, 9, 9))
    expected = F.conv2d(F.conv2d(x, torch.from_numpy(first)), torch.from_numpy(second))
    got = F.conv2d(x, torch.from_numpy(convolved(first, second)))
    torch.testing.assert_close(got, expected)


def test_a_stack_is_found_again() -> None:
    kernel = convolved(normal(0, 4, 3, 3, 3), normal(1, 6, 4, 3, 3))
    error = np.square(convolved(*split(kernel, 6)) - kernel).sum() / np.square(kernel).sum()
    assert error < 0.02


def test_ghosts_are_copies_where_there_are_copies() -> None:
    base = normal(0, 4, 50)
    rows = np.concatenate([base, 2 * base])[[0, 5, 2, 7, 4, 1, 6, 3]]
    primary, ghosts = pairs(rows @ rows.T)
    assert sorted([*primary, *ghosts]) == list(range(8))
    for a, b in zip(primary, ghosts, strict=True):
        assert abs(np.corrcoef(rows[a], rows[b])[0, 1]) == pytest.approx(1)


def graph_of(kernel: np.ndarray, **geometry: object) -> Graph:
    g = Graph("one")
    w = Const(kernel.astype(np.float32), "layer.weight", trainable=True)
    x = g.input("x", tensor("float32", symbol("N"), kernel.shape[1], symbol("H"), 9))
    bias = Const(normal(7, len(kernel)).astype(np.float32), "layer.bias", trainable=True)
    g.append(Conv(x, w, bias, **geometry).named("layer"))  # type: ignore[arg-type]
    g.set_outputs({"y": g.ops[0]})
    return g


@pytest.mark.parametrize("auto_pad", ["NOTSET", "VALID", "SAME_UPPER"])
@pytest.mark.parametrize("name", sorted(set(BLOCKS) - {"fire", "small_kernels"}))
def test_blocks_fit_where_little_room_is_left(name: str, auto_pad: str) -> None:
    """A 1 x 3 kernel without padding that leaves two columns, as embedding networks of audio end: all shapes stay."""
    g = Graph("narrow")
    w = Const(normal(0, 16, 16, 1, 3).astype(np.float32))
    x = g.input("x", tensor("float32", symbol("N"), 16, 8, 4))
    g.append(Conv(x, w, strides=(2, 1), auto_pad=auto_pad).named("layer"))
    g.set_outputs({"y": g.ops[0]})
    before = g.outputs[0].type
    install(g, name)
    assert g.outputs[0].type == before


def install(g: Graph, name: str, **options: object) -> None:
    layer = layer_of(g.ops[0])
    assert isinstance(layer, Linear)
    kind = layer.op.type
    g.replace(layer.op, BLOCKS[name](Site(layer, **options)).tail)  # type: ignore[arg-type]
    verify(g)
    assert g.outputs[0].type == kind


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(sorted(BLOCKS)),
    st.sampled_from([(1, 1), (2, 1), (2, 3)]),
    st.sampled_from([(1, 1), (2, 1)]),
    st.sampled_from([(3, 3), (5, 5), (3, 1), (2, 3)]),
    st.booleans(),
    st.sampled_from([(8, 8), (16, 4), (4, 12)]),
    st.booleans(),
)
def test_interfaces_stay(
    name: str,
    strides: tuple[int, int],
    dilations: tuple[int, int],
    taps: tuple[int, int],
    same: bool,
    channels: tuple[int, int],
    relu: bool,
) -> None:
    pads = tuple(d * (k // 2) for d, k in zip(dilations, taps, strict=True)) * 2 if same else (1, 0, 2, 1)
    g = graph_of(normal(0, *channels, *taps), strides=strides, dilations=dilations, pads=pads)
    x = normal(1, 2, channels[1], 11, 9).astype(np.float32)
    shape = evaluate(g, x)[0].shape
    odd = all(k % 2 for k in taps)
    if (name == "fire" and not (odd and same)) or (name == "small_kernels" and taps != (5, 5)):
        with pytest.raises(Unsuitable, match=r"its windows|its kernel"):
            install(g, name, relu=relu)
        return
    install(g, name, relu=relu)
    assert evaluate(g, x)[0].shape == shape


def exact(name: str) -> np.ndarray:
    """A kernel that the block can express."""
    match name:
        case "depthwise_separable":
            return compose([Piece(normal(0, 8, 1, 3, 3), (0, 1), 8), Piece(normal(1, 6, 8, 1, 1))])
        case "grouped":
            return compose([Piece(normal(0, 8, 2, 3, 3), (0, 1), 4), Piece(normal(1, 6, 8, 1, 1))])
        case "bottleneck":
            pieces = [normal(0, 3, 8, 1, 1), normal(1, 3, 3, 3, 3), normal(2, 6, 3, 1, 1)]
            return compose([Piece(pieces[0]), Piece(pieces[1], (0, 1)), Piece(pieces[2])])
        case "inverted_residual":
            pieces = [normal(0, 4, 8, 1, 1), normal(1, 4, 1, 3, 3), normal(2, 6, 4, 1, 1)]
            return compose([Piece(pieces[0]), Piece(pieces[1], (0, 1), 4), Piece(pieces[2])])
        case "fire":
            wide, small = normal(0, 6, 2, 3, 3), normal(1, 6, 2)
            wide[[0, 3, 4]] = 0
            wide[[0, 3, 4], :, 1, 1] = small[[0, 3, 4]]
            return np.einsum("oshw,si->oihw", wide, normal(2, 2, 8))
    raise AssertionError(name)


@pytest.mark.parametrize("name", ["depthwise_separable", "grouped", "bottleneck", "inverted_residual", "fire"])
@pytest.mark.parametrize("strides", [(1, 1), (2, 2)])
def test_a_block_stands_exactly_for_its_own_kernels(name: str, strides: tuple[int, int]) -> None:
    g = graph_of(exact(name), strides=strides, pads=(1, 1, 1, 1))
    x = normal(1, 2, 8, 11, 9).astype(np.float32)
    expected = evaluate(g, x)[0]
    install(g, name)
    assert len(g) > 1
    assert relative_error(expected, evaluate(g, x)[0]) < (0.05 if name == "inverted_residual" else 1e-4)
