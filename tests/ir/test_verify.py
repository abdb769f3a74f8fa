"""Every invariant of the verifier, broken on purpose: the rule that guards it must be the one that speaks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from lissom.ir.errors import VerifyError
from lissom.ir.graph import Graph, Stage
from lissom.ir.ops import Add, Conv, FakeQuant, Opaque, Relu
from lissom.ir.types import DType, tensor
from lissom.ir.values import Const
from lissom.ir.verify import RULES, verify


def network() -> Graph:
    """conv -> relu -> add(conv, relu), all live, float32[1,2,4,4]."""
    g = Graph("net")
    x = g.input("x", tensor("float32", 1, 2, 4, 4))
    conv = Conv(x, Const(np.ones((2, 2, 1, 1), np.float32), "w")).named("conv")
    relu = Relu(conv).named("relu")
    g.set_outputs({"y": Add(conv, relu).named("sum")})
    return g


def op(g: Graph, name: str) -> Conv | Relu | Add:
    return next(o for o in g.ops if o.name == name)  # type: ignore[return-value]


def force(o: object, **fields: object) -> None:
    """Assign fields that are not for assigning."""
    for name, value in fields.items():
        object.__setattr__(o, name, value)


BREAKS: list[tuple[str, Callable[[Graph], None], str]] = []
"""(rule, how to break it, what the message must say)."""


def breaks(rule: str, message: str) -> Callable[[Callable[[Graph], None]], Callable[[Graph], None]]:
    def register(function: Callable[[Graph], None]) -> Callable[[Graph], None]:
        BREAKS.append((rule, function, message))
        return function

    return register


@breaks("ownership", "'?x'?: float32.* is not owned by the graph")
def input_disowned(g: Graph) -> None:
    g.inputs[0]._graph = None


@breaks("ownership", "relu: float32.* is not owned by the graph")
def result_of_another_graph(g: Graph) -> None:
    op(g, "relu")._graph = Graph("other")


@breaks("ownership", "Const w: .* is not owned by the graph")
def constant_disowned(g: Graph) -> None:
    g.consts[0]._graph = None


@breaks("ownership", "is not owned by the graph")
def output_never_entered(g: Graph) -> None:
    g._outputs[0] = Relu(g.inputs[0]).named("stray")


@breaks("topological_order", "conv.* is read before it is computed")
def reader_moved_to_the_front(g: Graph) -> None:
    conv, relu = op(g, "conv"), op(g, "relu")
    g._unlink(relu)
    g._link([relu], conv)


@breaks("topological_order", "output .* is computed by no op")
def output_unlinked(g: Graph) -> None:
    g._unlink(op(g, "sum"))


@breaks("topological_order", "the graph counts 7 ops but lists 3")
def miscounted(g: Graph) -> None:
    g._size = 7


@breaks("use_lists", "conv.* lists as its users: Add 'sum'")
def user_forgotten(g: Graph) -> None:
    del op(g, "conv")._users[op(g, "relu")]


@breaks("use_lists", "sum.* lists as its users: Relu 'relu'")
def user_invented(g: Graph) -> None:
    op(g, "sum")._users[op(g, "relu")] = 1


@breaks("use_lists", "relu.* lists as its users: Add 'sum'")
def use_counted_twice(g: Graph) -> None:
    op(g, "relu")._users[op(g, "sum")] = 2


@breaks("use_lists", "lists as its users")
def operand_swapped_behind_the_door(g: Graph) -> None:
    force(op(g, "sum"), b=op(g, "conv"))


@breaks("types", r"declared .*float32\[9\].*, inferred .*float32\[1,2,4,4\]")
def wrong_type_declared(g: Graph) -> None:
    op(g, "relu").type = tensor("float32", 9)


@breaks("types", "expected 3 input channels|expected .* input channels, got")
def operand_of_the_wrong_shape(g: Graph) -> None:
    g.inputs[0].type = tensor("float32", 1, 3, 4, 4)


@breaks("constants", "the data of .*w.* is writable")
def writable_constant(g: Graph) -> None:
    g.consts[0].data = g.consts[0].data.copy()


@breaks("constants", "holds float64")
def constant_of_another_dtype(g: Graph) -> None:
    data = g.consts[0].data.astype(np.float64)
    data.flags.writeable = False
    g.consts[0].data = data


@breaks("constants", r"holds float32\[2, 2\]")
def constant_of_another_shape(g: Graph) -> None:
    data = g.consts[0].data.reshape(2, 2)
    data.flags.writeable = False
    g.consts[0].data = data


@breaks("names", "2 outputs are called 'y'")
def two_outputs_of_one_name(g: Graph) -> None:
    g.set_outputs([("y", op(g, "sum")), ("y", op(g, "relu"))])


@breaks("names", "1 outputs are called ''")
def nameless_output(g: Graph) -> None:
    g.set_outputs([("", op(g, "sum"))])


@breaks("names", "2 inputs are called 'x'")
def two_inputs_of_one_name(g: Graph) -> None:
    g.input("z", tensor("float32", 1)).name = "x"


def with_decision(stage: Stage) -> Callable[[Graph], None]:
    def decide(g: Graph) -> None:
        relu = op(g, "relu")
        g.replace(relu, FakeQuant(relu, Const(np.float32(0.1)), Const(np.int8(0)), -128, 127).named("decision"))
        g.stage = stage

    return decide


for _stage in (Stage.imported, Stage.realized, Stage.lowered):
    breaks("legality", f"FakeQuant.* is not legal in a graph that is {_stage.value}: it is a decision")(
        with_decision(_stage)
    )


@breaks("legality", "Custom.* is not legal in a graph that is lowered: there is no code")
def opaque_when_lowered(g: Graph) -> None:
    total = op(g, "sum")
    strange = Opaque("Custom", "here", (total,), result_types=(total.type,)).named("strange")
    g.replace(total, strange)
    g.stage = Stage.lowered


@breaks("legality", r"its size is not a number: float32\[N\]")
def symbolic_size_when_lowered(g: Graph) -> None:
    from lissom.ir.dims import symbol

    g.input("n", tensor(DType.float32, symbol("N")))
    g.set_outputs([("y", op(g, "sum")), ("z", Relu(g.inputs[1]))])
    g.stage = Stage.lowered


@pytest.mark.parametrize(("rule", "how", "message"), BREAKS, ids=[f"{r}-{h.__name__}-{m[:20]}" for r, h, m in BREAKS])
def test_a_broken_invariant_is_found(rule: str, how: Callable[[Graph], None], message: str) -> None:
    g = network()
    verify(g)
    how(g)
    with pytest.raises(VerifyError, match=rf"(?s)^graph 'net': .*({message}).*\[{rule}\]"):
        verify(g)


def test_every_rule_has_a_negative_test() -> None:
    assert {rule for rule, _, _ in BREAKS} == {rule.__name__ for rule in RULES}


def test_a_decision_is_legal_where_decisions_are_made() -> None:
    g = network()
    with_decision(Stage.decided)(g)
    verify(g)


def test_the_message_stands_under_the_op_at_fault() -> None:
    g = network()
    wrong_type_declared(g)
    with pytest.raises(VerifyError) as caught:
        verify(g)
    lines = str(caught.value).splitlines()
    at = next(i for i, line in enumerate(lines) if line.lstrip().startswith("^"))
    assert "%relu = Relu(%conv)" in lines[at - 1]
    assert "[types]" in lines[at]
