"""Constants, shapes, views and transposes."""

from __future__ import annotations

import numpy as np
import pytest


def test_constants_are_computed(folds):
    graph = folds(
        """
        input %x: float32[N,4]
        const %c: float32[4] = [1.0, 2.0, 3.0, 4.0]
        const %s: int64[2] = [2, 2]
        %a = Exp(%c): float32[4]
        %b = Reshape(%a, %s): float32[2,2]
        %t = Transpose(%b, perm=(1, 0)): float32[2,2]
        const %f: int64[1] = [4]
        %d = Reshape(%t, %f): float32[4]
        %q = Abs(%x): float32[N,4]
        %y = Pow(%q, %d): float32[N,4]
        output 'y' = %y
        """,
        """
        %q = Abs(%x): float32[N,4]
        %y = Pow(%q, %d): float32[N,4]
        output 'y' = %y
        """,
    )
    np.testing.assert_allclose(graph.consts[0].data, np.exp(np.float32([1, 3, 2, 4])), rtol=1e-6)


def test_several_results_are_computed(folds):
    folds(
        """
        input %x: float32[3]
        const %c: float32[20]
        const %s: int64[3] = [3, 3, 14]
        %a, %b, %d = Split(%c, %s): float32[3], float32[3], float32[14]
        %p = Mul(%a, %b): float32[3]
        %y = Pow(%p, %x): float32[3]
        output 'y' = %y
        output 'd' = %d
        """,
        "%y = Pow(%p, %x): float32[3]\noutput 'y' = %y\noutput 'd' = %d",
    )


def test_what_would_grow_stays(folds):
    folds(
        """
        input %x: float32[1,64,64]
        const %c: float32[1,1,20]
        const %r: int64[3] = [9, 64, 1]
        %a = Tile(%c, %r): float32[9,64,20]
        %y = MatMul(%x, %a): float32[9,64,20]
        output 'y' = %y
        """
    )


def test_decisions_are_not_computed(build, text_of):
    from lissom.passes.fold import fold

    graph = build(
        """
        input %x: float32[N,20]
        const %w: float32[20]
        const %s: float32[] = 0.1
        const %z: int8[] = 0
        %q = FakeQuant(%w, %s, %z, low=-127, high=127): float32[20]
        %y = Add(%x, %q): float32[N,20]
        output 'y' = %y
        """
    )
    before = text_of(graph)
    fold(graph)
    assert text_of(graph) == before


def test_stored_integer_weights_become_floats(folds):
    folds(
        """
        input %x: float32[N,20]
        const %w: int8[20,8]
        const %s: float32[] = 0.5
        %d = DequantizeLinear(%w, %s): float32[20,8]
        %y = MatMul(%x, %d): float32[N,8]
        output 'y' = %y
        """,
        "%y = Gemm(%x, %d, transB=True): float32[N,8]\noutput 'y' = %y",
    )


def test_integer_arithmetic_written_with_dequantize_stays(folds):
    folds(
        """
        input %x: int8[N,20]
        const %w: int8[20,8]
        const %s: float32[] = 0.5
        %a = DequantizeLinear(%x, %s): float32[N,20]
        %d = DequantizeLinear(%w, %s): float32[20,8]
        %y = MatMul(%a, %d): float32[N,8]
        output 'y' = %y
        """
    )


FLATTENED = {
    "shape of x, computed": """
        const %i: int64[] = 0
        const %u: int64[1] = [0]
        const %m: int64[1] = [-1]
        %s = Shape(%x): int64[4]
        %n = Gather(%s, %i): int64[]
        %k = Unsqueeze(%n, %u): int64[1]
        %t = Concat((%k, %m), axis=0): int64[2]
        %f = Reshape(%x, %t): float32[N,48]""",
    "reshape": "const %t: int64[2] = [0, -1]\n        %f = Reshape(%x, %t): float32[N,48]",
    "reshape, batch last": "const %t: int64[2] = [-1, 48]\n        %f = Reshape(%x, %t): float32[N,48]",
    "flatten": "%f = Flatten(%x): float32[N,48]",
    "two reshapes": """
        const %t: int64[3] = [0, 3, 16]
        const %q: int64[2] = [0, 48]
        %e = Reshape(%x, %t): float32[N,3,16]
        %f = Reshape(%e, %q): float32[N,48]""",
}


@pytest.mark.parametrize("ops", FLATTENED.values(), ids=FLATTENED.keys())
def test_every_way_to_flatten_is_flatten(folds, ops):
    folds(
        f"""
        input %x: float32[N,3,4,4]
        {ops}
        %y = Tanh(%f): float32[N,48]
        output 'y' = %y
        """,
        "%f = Flatten(%x): float32[N,48]\n%y = Tanh(%f): float32[N,48]\noutput 'y' = %y",
    )


def test_computed_shapes_become_constant(folds):
    graph = folds(
        """
        input %x: float32[N,6,4,W]
        const %i: int64[1] = [0]
        const %j: int64[1] = [3]
        const %k: int64[2] = [2, 12]
        %s = Shape(%x): int64[4]
        %n = Gather(%s, %i): int64[1]
        %w = Gather(%s, %j): int64[1]
        %t = Concat((%n, %k, %w), axis=0): int64[4]
        %y = Reshape(%x, %t): float32[N,2,12,W]
        output 'y' = %y
        """,
        "%y = Reshape(%x, %y.shape): float32[N,2,12,W]\noutput 'y' = %y",
    )
    assert graph.consts[0].data.tolist() == [0, 2, 12, -1] or graph.consts[0].data.tolist() == [0, 2, 12, 0]


def test_a_shape_with_two_free_sizes_stays_computed(build):
    from lissom.passes.explain import explain

    graph = build(
        """
        input %x: float32[N,6,W]
        const %i: int64[1] = [0]
        const %j: int64[1] = [2]
        const %k: int64[1] = [6]
        %s = Shape(%x): int64[3]
        %n = Gather(%s, %i): int64[1]
        %w = Gather(%s, %j): int64[1]
        %t = Concat((%w, %n, %k), axis=0): int64[3]
        %y = Reshape(%x, %t): float32[W,N,6]
        output 'y' = %y
        """
    )
    assert "more than one size is not known" in str(explain("fold", graph))


def test_expand_to_the_sizes_of_x(folds):
    graph = folds(
        """
        input %x: float32[N,1,4]
        const %i: int64[1] = [0]
        const %k: int64[2] = [3, 4]
        %s = Shape(%x): int64[3]
        %n = Gather(%s, %i): int64[1]
        %t = Concat((%n, %k), axis=0): int64[3]
        %y = Expand(%x, %t): float32[N,3,4]
        output 'y' = %y
        """,
        "%y = Expand(%x, %y.shape): float32[N,3,4]\noutput 'y' = %y",
    )
    assert graph.consts[0].data.tolist() == [1, 3, 1]


def test_transposes_merge_and_meet_through_elementwise_ops(folds):
    folds(
        """
        input %x: float32[N,4,5,6]
        %a = Transpose(%x, perm=(0, 2, 3, 1)): float32[N,5,6,4]
        %b = Sigmoid(%a): float32[N,5,6,4]
        %c = Transpose(%b, perm=(0, 3, 1, 2)): float32[N,4,5,6]
        %d = Transpose(%c, perm=(1, 0, 2, 3)): float32[4,N,5,6]
        %y = Transpose(%d, perm=(3, 1, 0, 2)): float32[6,N,4,5]
        output 'y' = %y
        """,
        """
        %b = Sigmoid(%x): float32[N,4,5,6]
        %y = Transpose(%b, perm=(3, 0, 1, 2)): float32[6,N,4,5]
        output 'y' = %y
        """,
    )


def test_transposed_operands_of_gemm(folds):
    folds(
        """
        input %x: float32[5,N]
        input %z: float32[5,20]
        %a = Transpose(%x, perm=(1, 0)): float32[N,5]
        %b = Transpose(%z, perm=(1, 0)): float32[20,5]
        %y = Gemm(%a, %b, transB=True): float32[N,20]
        output 'y' = %y
        """,
        "%y = Gemm(%x, %z, transA=True): float32[N,20]\noutput 'y' = %y",
    )


def test_linear_layers_look_alike(folds):
    after = "%p = Gemm(%x, %w, %w.bias, transB=True): float32[N,20]\noutput 'y' = %p"
    folds(
        """
        input %x: float32[N,5]
        const %w: float32[20,5]
        const %b: float32[20]
        %t = Transpose(%w, perm=(1, 0)): float32[5,20]
        %p = MatMul(%x, %t): float32[N,20]
        %y = Add(%p, %b): float32[N,20]
        output 'y' = %y
        """,
        after.replace("%w", "%t"),
    )
    folds(
        """
        input %x: float32[N,5]
        const %w: float32[5,20]
        const %b: float32[20]
        %p = Gemm(%x, %w, %b, alpha=2.0, beta=0.5): float32[N,20]
        output 'y' = %p
        """,
        after.replace("%w.bias", "%b"),
    )
