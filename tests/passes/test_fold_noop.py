"""Ops that change nothing, one way of writing, duplicates, unused results."""

from __future__ import annotations

import numpy as np
import pytest

REMOVED = {
    "identity": "%a = Identity(%x): float32[N,4]",
    "dropout": "%a = Dropout(%x): float32[N,4]",
    "cast": "%a = Cast(%x, to=float32): float32[N,4]",
    "cast there and back": """%w = Cast(%x, to=float64): float64[N,4]
        %a = Cast(%w, to=float32): float32[N,4]""",
    "transpose": "%a = Transpose(%x, perm=(0, 1)): float32[N,4]",
    "reshape": """const %s: int64[2] = [-1, 4]
        %a = Reshape(%x, %s): float32[N,4]""",
    "flatten": "%a = Flatten(%x, axis=1): float32[N,4]",
    "expand": """const %s: int64[2] = [1, 4]
        %a = Expand(%x, %s): float32[N,4]""",
    "tile": """const %s: int64[2] = [1, 1]
        %a = Tile(%x, %s): float32[N,4]""",
    "slice": """const %s: int64[1] = [0]
        const %e: int64[1] = [9223372036854775807]
        const %i: int64[1] = [1]
        %a = Slice(%x, %s, %e, %i): float32[N,4]""",
    "pad": """const %p: int64[4] = [0, 0, 0, 0]
        %a = Pad(%x, %p): float32[N,4]""",
    "concat": "%a = Concat((%x,), axis=0): float32[N,4]",
    "sum": "%a = Sum((%x,)): float32[N,4]",
    "add": """const %c: float32[4] = [0.0, 0.0, -0.0, 0.0]
        %a = Add(%c, %x): float32[N,4]""",
    "sub": """const %c: float32[] = 0.0
        %a = Sub(%x, %c): float32[N,4]""",
    "mul": """const %c: float32[1] = [1.0]
        %a = Mul(%x, %c): float32[N,4]""",
    "div": """const %c: float32[] = 1.0
        %a = Div(%x, %c): float32[N,4]""",
    "pow": """const %c: float32[] = 1.0
        %a = Pow(%x, %c): float32[N,4]""",
    "clip": "%a = Clip(%x): float32[N,4]",
    "where": """const %c: bool[1] = [True]
        %a = Where(%c, %x, %x): float32[N,4]""",
    "transposes": """%b = Transpose(%x, perm=(1, 0)): float32[4,N]
        %a = Transpose(%b, perm=(1, 0)): float32[N,4]""",
    "views": """const %s: int64[1] = [1]
        %b = Unsqueeze(%x, %s): float32[N,1,4]
        %a = Squeeze(%b, %s): float32[N,4]""",
}


@pytest.mark.parametrize("ops", REMOVED.values(), ids=REMOVED.keys())
def test_what_changes_nothing_goes(folds, ops):
    folds(
        f"""
        input %x: float32[N,4]
        {ops}
        %y = Tanh(%a): float32[N,4]
        output 'y' = %y
        """,
        """
        %y = Tanh(%x): float32[N,4]
        output 'y' = %y
        """,
    )


KEPT = {
    "cast to less and back": """%b = Cast(%x, to=float16): float16[1,4]
        %a = Cast(%b, to=float32): float32[1,4]""",
    "transpose of equal sizes": "%a = Transpose(%q, perm=(1, 0)): float32[4,4]",
    "slice backwards": """const %s: int64[1] = [3]
        const %e: int64[1] = [-9223372036854775808]
        const %i: int64[1] = [1]
        const %step: int64[1] = [-1]
        %a = Slice(%x, %s, %e, %i, %step): float32[1,4]""",
    "add that widens": """const %c: float32[3,1] = [[0.0], [0.0], [0.0]]
        %a = Add(%x, %c): float32[3,4]""",
    "mul by nearly one": """const %c: float32[] = 1.0001
        %a = Mul(%x, %c): float32[1,4]""",
    "clip with a bound": """const %c: float32[] = -0.5
        %a = Clip(%x, %c): float32[1,4]""",
}


@pytest.mark.parametrize("ops", KEPT.values(), ids=KEPT.keys())
def test_what_changes_something_stays(folds, ops):
    result = ops.rpartition("): ")[2]
    folds(
        f"""
        input %x: float32[1,4]
        input %q: float32[4,4]
        {ops}
        %y = Tanh(%a): {result}
        output 'y' = %y
        """
    )


def test_an_output_may_become_an_input(folds):
    graph = folds("input %x: float32[2]\n%y = Identity(%x): float32[2]\noutput 'y' = %y", "output 'y' = %x")
    assert graph.output_names == ("y",)


def test_dropout_in_training_stays_and_says_why(build, text_of):
    from lissom.passes.explain import explain

    graph = build(
        """
        input %x: float32[2]
        const %r: float32[] = 0.5
        const %t: bool[] = True
        %y = Dropout(%x, %r, %t): float32[2]
        output 'y' = %y
        """
    )
    assert "Dropout 'y' (text line 5): it drops elements" in str(explain("fold", graph))


CANONICAL = {
    "c + x": (
        "const %c: float32[4] = [1.0, 2.0, 3.0, 4.0]\n%y = Add(%c, %x): float32[N,4]",
        "%y = Add(%x, %c): float32[N,4]",
    ),
    "x - c": ("const %c: float32[] = 2.0\n%y = Sub(%x, %c): float32[N,4]", "%y = Add(%x, %c): float32[N,4]"),
    "x / 2": ("const %c: float32[] = 2.0\n%y = Div(%x, %c): float32[N,4]", "%y = Mul(%x, %c): float32[N,4]"),
    "x / 3": ("const %c: float32[] = 3.0\n%y = Div(%x, %c): float32[N,4]", "%y = Div(%x, %c): float32[N,4]"),
    "sum of two": ("%y = Sum((%x, %x)): float32[N,4]", "%y = Add(%x, %x): float32[N,4]"),
    "max(x, 0)": ("const %c: float32[] = 0.0\n%y = Max((%c, %x)): float32[N,4]", "%y = Relu(%x): float32[N,4]"),
    "min(max(x, 0), 6)": (
        "const %c: float32[] = 0.0\nconst %d: float32[1] = [6.0]\n"
        "%a = Max((%x, %c)): float32[N,4]\n%y = Min((%a, %d)): float32[N,4]",
        "%y = Clip(%x, %y.min, %y.max): float32[N,4]",
    ),
    "relu of relu": ("%a = Relu(%x): float32[N,4]\n%y = Relu(%a): float32[N,4]", "%a = Relu(%x): float32[N,4]"),
    "max(x, x/4)": (
        "const %c: float32[] = 0.25\n%a = Mul(%c, %x): float32[N,4]\n%y = Max((%a, %x)): float32[N,4]",
        "%y = LeakyRelu(%x, alpha=0.25): float32[N,4]",
    ),
    "one slope": (
        "const %c: float32[1] = [0.25]\n%y = PRelu(%x, %c): float32[N,4]",
        "%y = LeakyRelu(%x, alpha=0.25): float32[N,4]",
    ),
}


@pytest.mark.parametrize(("before", "after"), CANONICAL.values(), ids=CANONICAL.keys())
def test_one_way_to_write_it(folds, before, after):
    name = after[1]
    folds(f"input %x: float32[N,4]\n{before}\noutput 'y' = %y", f"{after}\noutput 'y' = %{name}")


def test_clips_that_cross_stay(folds):
    folds(
        """
        input %x: float32[4]
        const %a: float32[] = 1.0
        const %b: float32[] = -1.0
        %c = Clip(%x, %a): float32[4]
        %y = Clip(%c, max=%b): float32[4]
        output 'y' = %y
        """
    )


def test_equal_ops_are_computed_once(folds):
    folds(
        """
        input %x: float32[N,20]
        const %c: float32[20]
        const %d: float32[20]
        %a = Add(%x, %c): float32[N,20]
        %b = Add(%c, %x): float32[N,20]
        %e = Add(%x, %d): float32[N,20]
        %s = Sigmoid(%a): float32[N,20]
        %t = Sigmoid(%b): float32[N,20]
        %u = Mul(%s, %t): float32[N,20]
        %y = Mul(%u, %e): float32[N,20]
        output 'y' = %y
        """,
        """
        %a = Add(%x, %c): float32[N,20]
        %e = Add(%x, %d): float32[N,20]
        %s = Sigmoid(%a): float32[N,20]
        %u = Mul(%s, %s): float32[N,20]
        %y = Mul(%u, %e): float32[N,20]
        output 'y' = %y
        """,
    )


def test_equal_constants_become_one_unless_they_are_parameters(build):
    from lissom.ir.graph import Graph
    from lissom.ir.ops.add import Add
    from lissom.ir.types import tensor
    from lissom.ir.values import Const
    from lissom.passes.fold import fold

    data = np.arange(40, dtype=np.float32)
    for trainable, left in ((False, 1), (True, 2)):
        graph = Graph()
        x, z = graph.input("x", tensor("float32", 40)), graph.input("z", tensor("float32", 40))
        a, b = (graph.append(Add(v, Const(data.copy(), "c", trainable=trainable))) for v in (x, z))
        graph.set_outputs({"a": a, "b": b})
        fold(graph)
        assert len(graph.consts) == left


def test_unused_optional_results_are_dropped(folds):
    folds(
        """
        input %x: float32[1,2,8,8]
        %y, %i = MaxPool(%x, kernel_shape=(2, 2), strides=(2, 2), results_used=2): float32[1,2,4,4], int64[1,2,4,4]
        output 'y' = %y
        """,
        """
        %y = MaxPool(%x, kernel_shape=(2, 2), strides=(2, 2), pads=(0, 0, 0, 0), dilations=(1, 1)): float32[1,2,4,4]
        output 'y' = %y
        """,
    )


def test_used_optional_results_stay(build, text_of):
    from lissom.passes.fold import fold

    graph = build(
        """
        input %x: float32[1,2,8,8]
        %y, %i = MaxPool(%x, kernel_shape=(2, 2), strides=(2, 2), results_used=2): float32[1,2,4,4], int64[1,2,4,4]
        output 'i' = %i
        """
    )
    before = text_of(graph)
    fold(graph)
    assert text_of(graph) == before
