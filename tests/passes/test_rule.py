"""The rewrite driver: roots, order, refusals, termination, and work that grows with the graph and no faster."""

from __future__ import annotations

import itertools
import sys

import numpy as np
import pytest

from lissom.ir.errors import Error
from lissom.ir.families.elementwise import Unary
from lissom.ir.graph import Graph
from lissom.ir.op import Op
from lissom.ir.ops.abs import Abs
from lissom.ir.ops.add import Add
from lissom.ir.ops.batch_normalization import BatchNormalization
from lissom.ir.ops.conv import Conv
from lissom.ir.ops.neg import Neg
from lissom.ir.ops.relu import Relu
from lissom.ir.ops.sigmoid import Sigmoid
from lissom.ir.ops.split import Split
from lissom.ir.types import tensor
from lissom.ir.values import Const, Value
from lissom.ir.verify import verify
from lissom.passes.fold import fold
from lissom.passes.rule import Refused, rewrite, rule

TEXT = """
    input %x: float32[4]
    %a = Neg(%x): float32[4]
    %b = Neg(%a): float32[4]
    %c = Neg(%b): float32[4]
    %y = Neg(%c): float32[4]
    output 'y' = %y
"""


@rule
def double_negation(neg: Neg) -> Value | None:
    """-(-x)  =>  x."""
    match neg:
        case Neg(Neg(x)):
            return x
    return None


def test_rules_run_until_none_matches(build, text_of):
    graph = build(TEXT)
    assert rewrite(graph, [double_negation]) == {"double_negation": 2}
    verify(graph)
    assert text_of(graph) == "output 'y' = %x"


def test_roots_may_be_unions_and_base_classes(build):
    seen: list[str] = []

    @rule
    def union(op: Neg | Relu) -> Value | None:
        seen.append(f"union {op.name}")
        return None

    @rule
    def base(op: Unary) -> Value | None:
        seen.append(f"base {op.name}")
        return None

    rewrite(
        build("input %x: float32[4]\n%a = Neg(%x): float32[4]\n%b = Abs(%a): float32[4]\noutput 'y' = %b"),
        [union, base],
    )
    assert seen == ["union a", "base a", "base b"]


def test_a_rule_needs_an_annotated_root():
    for wrong in (lambda op: None, lambda: None):
        with pytest.raises(Error, match="annotated with the op class"):
            rule(wrong)


def test_a_rule_that_keeps_firing_is_named(build):
    @rule
    def back_and_forth(op: Relu | Abs) -> Value | None:
        return Abs(op.x) if isinstance(op, Relu) else Relu(op.x)

    graph = build("input %x: float32[4]\n%y = Relu(%x): float32[4]\noutput 'y' = %y")
    with pytest.raises(
        Error, match=r"does not end: rule 'back_and_forth' has fired .* times, last 'back_and_forth' at"
    ):
        rewrite(graph, [back_and_forth])


def test_a_rule_that_changes_the_type_is_named(build):
    @rule
    def wrong(op: Relu) -> Value | None:
        return Const(np.zeros(3, np.float32))

    graph = build("input %x: float32[4]\n%y = Relu(%x): float32[4]\noutput 'y' = %y")
    with pytest.raises(Error, match=r"rule 'wrong' changes the type of Relu 'y' .* from float32\[4\] to float32\[3\]"):
        rewrite(graph, [wrong])


def test_a_rule_that_gives_its_root_back_is_named(build):
    @rule
    def same(op: Relu) -> Value | None:
        return op

    graph = build("input %x: float32[4]\n%y = Relu(%x): float32[4]\noutput 'y' = %y")
    with pytest.raises(Error, match=r"rule 'same' replaces Relu 'y' .* by itself"):
        rewrite(graph, [same])


def test_new_ops_inherit_name_and_location(build):
    @rule
    def spelled_out(op: Sigmoid) -> Value | None:
        return Add(Neg(op.x), Const(np.ones(4, np.float32)))

    graph = build("input %x: float32[4]\n%y = Sigmoid(%x): float32[4]\noutput 'y' = %y")
    rewrite(graph, [spelled_out])
    neg, add = graph.ops
    assert (neg.name, add.name, graph.consts[0].name) == ("y.neg", "y", "y.b")
    assert str(neg.loc) == str(add.loc) == "text line 3"


def test_several_results_are_replaced_at_once(build, text_of):
    @rule
    def swap_twice(op: Split) -> tuple[Value, ...] | None:
        return tuple(Neg(Neg(r)) for r in op.replace(x=op.x.x).results) if isinstance(op.x, Relu) else None

    graph = build(
        """
        input %x: float32[4]
        const %s: int64[2] = [2, 2]
        %r = Relu(%x): float32[4]
        %a, %b = Split(%r, %s): float32[2], float32[2]
        output 'a' = %a
        output 'b' = %b
        """
    )
    rewrite(graph, [swap_twice, double_negation])
    verify(graph)
    assert text_of(graph).splitlines()[0] == "%a, %a.1 = Split(%x, %s): float32[2], float32[2]"


def test_a_pattern_deeper_than_the_neighbourhood_is_found(build, text_of):
    @rule
    def deep(op: Relu) -> Value | None:
        match op:
            case Relu(Abs(Abs(Abs(x)))):
                return Sigmoid(x)
        return None

    graph = build(
        """
        input %x: float32[4]
        %n = Neg(%x): float32[4]
        %m = Neg(%n): float32[4]
        %a = Abs(%m): float32[4]
        %i = Neg(%a): float32[4]
        %j = Neg(%i): float32[4]
        %b = Abs(%j): float32[4]
        %c = Abs(%b): float32[4]
        %y = Relu(%c): float32[4]
        output 'y' = %y
        """
    )
    rewrite(graph, [deep, double_negation])
    assert text_of(graph) == "%y = Sigmoid(%x): float32[4]\noutput 'y' = %y"


def test_refusals_are_noted_for_what_is_left(build):
    from lissom.passes.notes import recording

    @rule
    def picky(op: Neg) -> Value | None:
        if isinstance(op.x, Op):
            return op.x.operands[0]
        raise Refused("it reads no op")

    with recording() as notes:
        graph = build(TEXT.replace("output 'y' = %y", "output 'y' = %c"))
        rewrite(graph, [picky])
    assert [n.by for n in notes.done] == ["picky"]
    assert [(n.op, n.reason) for n in notes.refused] == [("Neg 'c' (text line 5)", "it reads no op")]


def chain(blocks: int) -> Graph:
    graph = Graph()
    x: Value = graph.input("x", tensor("float32", 1, 2, 4))
    w, one = np.ones((2, 2, 1), np.float32), np.ones(2, np.float32)
    for _ in range(blocks):
        x = graph.append(Relu(BatchNormalization(Conv(x, Const(w)), Const(one), Const(one), Const(one), Const(one))))
    graph.set_outputs({"y": x})
    return graph


def test_the_work_is_linear_in_the_size_of_the_graph():
    def steps(blocks: int) -> int:
        graph, count = chain(blocks), itertools.count()
        sys.setprofile(lambda frame, event, arg: next(count) if event == "call" else None)
        try:
            fold(graph)
        finally:
            sys.setprofile(None)
        assert len(graph) == 2 * blocks
        return next(count)

    small, large = steps(50), steps(200)
    assert large < 4.4 * small
