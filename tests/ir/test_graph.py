"""The one door for mutation: what it does to readers, types, order and what is no longer read."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lissom.ir.dims import symbol
from lissom.ir.errors import DataError, Error, TypeMismatch
from lissom.ir.graph import Graph
from lissom.ir.interpreter import evaluate
from lissom.ir.ops import Add, Conv, Opaque, Relu
from lissom.ir.types import tensor
from lissom.ir.values import Const, Input, Value, producer
from lissom.ir.verify import verify


def chain() -> tuple[Graph, Input, Relu, Add]:
    """y = relu(x) + x, on float32[4]."""
    g = Graph("chain")
    x = g.input("x", tensor("float32", 4))
    relu = Relu(x).named("relu")
    total = Add(relu, x).named("sum")
    g.set_outputs({"y": total})
    return g, x, relu, total


X = np.float32([-2, -1, 1, 3])


def run(g: Graph) -> list[float]:
    verify(g)
    (y,) = evaluate(g, X)
    return y.tolist()


def test_outputs_bring_in_what_they_read() -> None:
    g, x, relu, total = chain()
    assert g.ops == (relu, total)
    assert x.users == (relu, total)
    assert len(g) == 2
    assert g.precedes(relu, total)
    assert run(g) == [-2, -1, 2, 6]


def test_replace_moves_all_readers() -> None:
    g, x, relu, total = chain()
    g.replace(relu, Const(np.float32([1, 1, 1, 1])))
    assert relu.graph is None
    assert relu not in g
    assert x.users == (total,)
    assert run(g) == [-1, 0, 2, 4]


def test_what_replaces_a_value_may_read_it() -> None:
    g, _, relu, total = chain()
    twice = Add(relu, relu)
    g.replace(relu, twice)
    assert relu.users == (twice,)
    assert total.a is twice
    assert g.ops == (relu, twice, total)
    assert run(g) == [-2, -1, 3, 9]


def test_an_input_can_be_replaced_by_what_reads_it() -> None:
    g, x, _, _ = chain()
    g.replace(x, Add(x, Const(np.float32([10, 10, 10, 10]))))
    assert len(x.users) == 1
    assert run(g) == [16, 18, 22, 26]


def test_an_output_can_be_replaced_and_keeps_its_name() -> None:
    g, _, relu, total = chain()
    g.replace(total, relu)
    assert g.outputs == (relu,)
    assert g.output_names == ("y",)
    assert g.is_output(relu)
    assert total.graph is None
    assert run(g) == [0, 0, 1, 3]


def test_replace_by_itself_changes_nothing() -> None:
    g, _, relu, total = chain()
    g.replace(relu, relu)
    assert g.ops == (relu, total)
    assert run(g) == [-2, -1, 2, 6]


def test_several_results_are_replaced_together() -> None:
    g = Graph()
    x = g.input("x", tensor("float32", 4))
    two = Opaque("Two", "", (x,), result_types=(x.type, x.type))
    first, second = two.results
    g.set_outputs({"y": Add(first, second)})
    with pytest.raises(Error, match="one new value for each of its results, got 1"):
        g.replace(two, (Relu(x),))
    g.replace(two, (Relu(x), x))
    assert two.graph is None
    assert second.graph is None
    assert run(g) == [-2, -1, 2, 6]


def test_a_single_further_result_is_replaced() -> None:
    g = Graph()
    x = g.input("x", tensor("float32", 4))
    two = Opaque("Two", "", (x,), result_types=(x.type, x.type))
    g.set_outputs({"a": two, "b": two.results[1]})
    g.replace(two.results[1], Relu(x))
    assert two in g
    assert [producer(v) for v in g.outputs] == [two, g.ops[1]]
    verify(g)


def test_types_behind_a_change_are_inferred_again() -> None:
    g = Graph()
    x = g.input("x", tensor("float32", 1, 2, 8, 8))
    conv = Conv(x, Const(np.ones((3, 2, 3, 3), np.float32), "w"))
    relu = Relu(conv)
    g.set_outputs({"y": Relu(relu)})
    g.replace(conv, conv.replace(w=np.ones((5, 2, 1, 1), np.float32)))
    assert g.outputs[0].type == tensor("float32", 1, 5, 8, 8)
    verify(g)
    g.retype_input(x, tensor("float32", symbol("N"), 2, 4, 4))
    assert g.outputs[0].type == tensor("float32", symbol("N"), 5, 4, 4)
    verify(g)


def test_a_copy_with_changes_inherits() -> None:
    conv = Conv(
        Input("x", tensor("float32", 1, 1, 4, 4)), Const(np.ones((1, 1, 1, 1), np.float32), "w", trainable=True)
    )
    other = conv.named("conv").replace(w=np.zeros((2, 1, 1, 1), np.float32), b=np.ones(2, np.float32))
    assert (other.name, other.w.name, other.b.name) == ("conv", "w", "conv.b")  # type: ignore[union-attr]
    assert isinstance(other.w, Const)
    assert other.w.trainable
    assert conv.b is None
    with pytest.raises(TypeError, match="no field 'bias'"):
        conv.replace(bias=None)


def test_fields_are_not_for_assigning() -> None:
    _, x, relu, _ = chain()
    with pytest.raises(AttributeError, match=r"use op.replace\(x=...\)"):
        relu.x = x


def test_insert_stands_right_before() -> None:
    g, x, relu, total = chain()
    new = g.insert(Relu(x), before=relu)
    assert g.ops == (new, relu, total)
    assert g.precedes(new, relu)
    verify(g)


def test_erase_takes_along_what_only_it_read() -> None:
    g, x, _, _ = chain()
    tail = g.append(Relu(Add(x, Const(np.float32([1, 1, 1, 1]), "one"))))
    assert len(g) == 4
    g.erase(tail)
    assert len(g) == 2
    assert [c.name for c in g.consts] == []
    verify(g)


def test_prune_counts() -> None:
    g, x, _, _ = chain()
    g.append(Relu(Relu(x)))
    assert g.prune() == 2
    assert g.prune() == 0
    verify(g)


def refused(message: str) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """The body of the test must raise Error with the message."""

    def wrap(body: Callable[[], None]) -> Callable[[], None]:
        def test() -> None:
            with pytest.raises(Error, match=message):
                body()

        return test

    return wrap


@refused("sum.* cannot be erased: its result is still used|cannot be erased")
def test_erase_of_what_is_read_is_refused() -> None:
    g, _, relu, _ = chain()
    g.erase(relu)


@refused("belongs to another graph")
def test_values_of_another_graph_are_refused() -> None:
    g, _, _, _ = chain()
    _, foreign, _, _ = chain()
    g.append(Relu(foreign))


@refused("input 'stray' is not an input of graph 'chain'")
def test_a_detached_input_is_refused() -> None:
    g, _, _, _ = chain()
    g.append(Relu(Input("stray", tensor("float32", 4))))


@refused("already has an input 'x'")
def test_a_second_input_of_one_name_is_refused() -> None:
    g, _, _, _ = chain()
    g.input("x", tensor("float32", 4))


@refused("sum'.* comes after .*relu")
def test_a_later_value_cannot_replace_an_earlier_one() -> None:
    g, x, _, total = chain()
    g.replace(x, total)


@refused("reads .*sum.*, which comes later")
def test_insert_before_what_it_reads_is_refused() -> None:
    g, _, relu, total = chain()
    g.insert(Relu(total), before=relu)


def test_a_wrong_operand_is_refused_when_the_op_is_built() -> None:
    x = Input("x", tensor("float32", 1, 3, 8, 8))
    with pytest.raises(TypeMismatch, match="expected 2 input channels, got 3"):
        Conv(x, Const(np.ones((4, 2, 3, 3), np.float32)))
    with pytest.raises(TypeError, match=r"Relu\.x is Value, got 3"):
        Relu(3)
    with pytest.raises(TypeError, match=r"Conv\.group is int, got 'two'"):
        Conv(x, Const(np.ones((4, 3, 3, 3), np.float32)), group="two")


@pytest.mark.parametrize("place", ["first", "before", "middle", "end"])
def test_order_labels_survive_many_insertions(place: str) -> None:
    """More insertions at one place than there is room for between two labels."""
    g, x, relu, total = chain()
    at: list[Relu | Add] = [relu]
    for i in range(300):
        before = {"first": g.ops[0], "before": total, "middle": at[-1] if i % 2 else total, "end": None}[place]
        new = Relu(x)
        if before is None:
            g.append(new)
        else:
            g.insert(new, before=before)
            at.append(new)
    ops = g.ops
    assert len(ops) == 302
    orders = [o._order for o in ops]
    assert orders == sorted(set(orders))
    assert all(g.precedes(a, b) and not g.precedes(b, a) for a, b in pairwise(ops))
    verify(g)


def test_a_clone_is_independent_and_shares_the_data() -> None:
    g = Graph("conv")
    g.input("x", tensor("float32", symbol("N"), 1, 4, 4))
    w = Const(np.ones((1, 1, 1, 1), np.float32), "w", trainable=True)
    conv = Conv(g.inputs[0], w).named("c")
    g.set_outputs({"y": Relu(conv)})
    copy, twins = g.clone_with_map()
    verify(copy)
    assert str(copy) == str(g)
    twin = twins[w]
    assert isinstance(twin, Const)
    assert twin is not w
    assert twin.trainable
    assert np.shares_memory(twin.data, w.data)
    copy.replace(twins[conv], copy.inputs[0])
    verify(copy)
    verify(g)
    assert len(g) == 2
    assert len(copy) == 1


def test_bind_puts_sizes_in() -> None:
    g = Graph()
    x = g.input("x", tensor("float32", symbol("N"), 1, 2 * symbol("H"), 4))
    g.set_outputs({"y": Conv(x, Const(np.ones((3, 1, 2, 2), np.float32)), strides=(2, 2))})
    assert g.outputs[0].type == tensor("float32", symbol("N"), 3, symbol("H"), 2)
    bound = g.bind({"N": 2, "H": 5})
    verify(bound)
    assert bound.outputs[0].type == tensor("float32", 2, 3, 5, 2)
    assert g.outputs[0].type == tensor("float32", symbol("N"), 3, symbol("H"), 2)
    assert bound.bind({"N": 9}).outputs[0].type == tensor("float32", 2, 3, 5, 2)


def test_evaluate_checks_its_inputs() -> None:
    g, _, _, _ = chain()
    for wrong, message in [
        ((), "takes 1 inputs .*got 0"),
        ((X, X), "got 2"),
        ((X.astype(np.float64),), "got elements of type float64"),
        ((X[:3],), r"got shape \[3\]"),
    ]:
        with pytest.raises(DataError, match=message):
            evaluate(g, *wrong)


@settings(max_examples=120, deadline=None)
@given(st.data())
def test_random_mutations_against_a_shadow(data: st.DataObject) -> None:
    """Random edits of a graph, and of a plain dictionary that says what each value is: both must compute the same.

    The shadow maps each op to the values it reads; a constant or input stands for itself.
    """
    g = Graph("random")
    inputs = [g.input(n, tensor("float32", 2)) for n in "ab"]
    feed = [np.float32([-1, 2]), np.float32([3, -4])]
    reads: dict[Value, list[Value]] = {}
    outputs: list[Value] = []

    def build(choices: list[Value]) -> Value:
        pick = st.sampled_from(choices)
        kind = data.draw(st.sampled_from(["relu", "add", "add to itself", "const"]), "kind")
        if kind == "const":
            return Const(np.float32([data.draw(st.integers(-3, 3)), 1]))
        if kind == "relu":
            op: Relu | Add = Relu(data.draw(pick))
        else:
            left = data.draw(pick)
            op = Add(left, left if kind == "add to itself" else data.draw(pick))
        reads[op] = list(op.operands)
        return op

    def value_of(v: Value) -> np.ndarray:
        if isinstance(v, Input):
            return feed[inputs.index(v)]
        if isinstance(v, Const):
            return v.data
        operands = [value_of(r) for r in reads[v]]
        return np.maximum(operands[0], 0) if isinstance(v, Relu) else operands[0] + operands[1]

    for _ in range(data.draw(st.integers(1, 6), "ops")):
        v = build([*inputs, *g.ops])
        if producer(v):
            g.append(producer(v))  # type: ignore[arg-type]
    outputs = data.draw(st.lists(st.sampled_from([*inputs, *g.ops]), min_size=1, max_size=3), "outputs")
    g.set_outputs([(f"y{i}", v) for i, v in enumerate(outputs)])

    for _ in range(data.draw(st.integers(1, 10), "edits")):
        ops = list(g.ops)
        edit = data.draw(st.sampled_from(["replace", "insert", "append", "erase", "prune", "clone"]), "edit")
        if edit == "replace":
            old = data.draw(st.sampled_from([*inputs, *g.consts, *ops]), "old")
            site = producer(old)
            if site is not None:
                earlier = ops[: ops.index(site) + 1]
            else:
                earlier = ops[: min((ops.index(u) for u in old.users), default=len(ops))]
            new = build([*inputs, *earlier])
            if producer(new) is not None and data.draw(st.booleans(), "deeper"):
                new = build([*inputs, *earlier, new])
            users = list(old.users)
            g.replace(old, new)
            for user in users:
                reads[user] = [new if v is old else v for v in reads[user]]
            outputs = [new if v is old else v for v in outputs]
        elif edit == "insert" and ops:
            before = data.draw(st.sampled_from(ops), "before")
            v = build([*inputs, *ops[: ops.index(before)]])
            if producer(v):
                g.insert(producer(v), before=before)  # type: ignore[arg-type]
        elif edit == "append":
            v = build([*inputs, *ops])
            if producer(v):
                g.append(producer(v))  # type: ignore[arg-type]
        elif edit == "erase" and (dead := [o for o in ops if not o.users and not g.is_output(o)]):
            g.erase(data.draw(st.sampled_from(dead), "dead"))
        elif edit == "prune":
            g.prune()
            assert all(o.users or g.is_output(o) for o in g.ops)
        elif edit == "clone":
            before_text = str(g)
            copy = g.clone()
            verify(copy)
            assert str(copy) == before_text
        verify(g)
        assert list(g.outputs) == outputs
        orders = [o._order for o in g.ops]
        assert orders == sorted(set(orders))
        for op in g.ops:
            assert list(op.operands) == reads[op]
        for got, v in zip(evaluate(g, *feed), outputs, strict=True):
            np.testing.assert_array_equal(got, value_of(v))
