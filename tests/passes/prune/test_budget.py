"""Budgets, scopes, ratios by name, rounding, and what the certificate says of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import lissom as ls
from lissom.ir.errors import Error
from lissom.ir.graph import Graph
from lissom.ir.ops.mat_mul import MatMul
from lissom.ir.ops.relu import Relu
from lissom.ir.types import tensor
from lissom.ir.values import Const
from lissom.passes.explain import explain
from lissom.passes.graph_pass import Step
from lissom.passes.pipeline import parse_pipeline
from lissom.passes.prune.budget import CLOSE, Until, choose_until, macs_of, params_of
from lissom.passes.prune.decide import decide
from lissom.passes.prune.select import removed, uniform
from lissom.passes.prune.shrink import shrink_units


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(["macs", "params"]),
    st.floats(0.25, 1.0),
    st.sampled_from(["uniform", "global"]),
    st.integers(0, 99),
)
def test_a_budget_is_met_and_no_unit_goes_that_need_not(residual, what: str, share: float, scope, seed: int) -> None:
    graph = residual(seed)
    measure = {"macs": macs_of, "params": params_of}[what]
    decision = decide(graph, Until(**{what: share}), scope=scope, round_to=1)
    limit = share * measure(graph)
    reached = measure(shrink_units(graph, decision.solution, decision.removed))
    assert reached <= limit
    if reached >= (1 - CLOSE) * limit:
        return
    for i, rung in enumerate(decision.choice):
        if rung:
            less = [*decision.choice[:i], rung - 1, *decision.choice[i + 1 :]]
            back = removed(decision.solution, decision.ladders, less)
            assert measure(shrink_units(graph, decision.solution, back)) > limit


def test_a_time_is_measured_by_the_clock_of_the_run(residual) -> None:
    small = ls.run("prune(channels, until(ms=10))", residual(), clock=lambda g: macs_of(g) / 4000)
    assert macs_of(small) / 4000 <= 10
    with pytest.raises(Error, match=r"needs a clock.*c_clock"):
        ls.run("prune(channels, until(ms=10))", residual())


def test_a_budget_out_of_reach_says_what_can_be_reached(residual) -> None:
    with pytest.raises(Error, match=r"the budget of 0\.\d+ cannot be met: removing all that may go leaves \d+"):
        decide(residual(), Until(macs=1e-6))


@pytest.mark.parametrize("given", [{}, {"macs": 0.5, "params": 0.5}])
def test_a_budget_is_one_thing(given: dict[str, float]) -> None:
    with pytest.raises(Error, match="takes one of macs, params and ms"):
        Until(**given)


@pytest.mark.parametrize("share", [0.0, -1.0, 1.5])
def test_a_share_is_above_zero_and_up_to_one(share: float) -> None:
    with pytest.raises(Error, match="above 0 and up to 1"):
        Until(macs=share)


def test_a_ranking_goes_where_units_matter_least_and_leaves_a_floor(residual) -> None:
    a = np.random.default_rng(0).standard_normal((12, 8, 3, 3)).astype(np.float32)
    graph = residual(a_w=a, stem_w=np.full((8, 3, 3, 3), 0.1, np.float32))
    decision = decide(graph, 0.4, scope="global", criterion="l2", round_to=1)
    assert decision.removed.sum() <= 0.4 * 20
    for ladder, rung in zip(decision.ladders, decision.choice, strict=True):
        assert len(ladder.rungs[rung]) <= 0.9 * len(ladder.cluster.units)
    uniform = decide(graph, 0.5, round_to=1)
    assert [len(lad.rungs[r]) for lad, r in zip(uniform.ladders, uniform.choice, strict=True)] == [4, 6]


def test_groups_go_by_the_names_of_their_weights_and_ops(residual) -> None:
    graph = residual()
    by_weight = decide(graph, 0.5, layers={"a.w": 0.25}, round_to=1)
    assert [len(lad.rungs[r]) for lad, r in zip(by_weight.ladders, by_weight.choice, strict=True)] == [4, 3]
    by_pattern = decide(graph, 0.5, layers={"*": 0.25, "stem": 0.0}, round_to=1)
    assert [len(lad.rungs[r]) for lad, r in zip(by_pattern.ladders, by_pattern.choice, strict=True)] == [0, 3]
    with pytest.raises(Error, match=r"come from 'nobody'; there are those of .*stem"):
        decide(graph, 0.5, layers={"nobody": 0.5})


def test_what_is_left_of_a_wide_group_is_a_multiple(residual) -> None:
    """Eight multiples of one are there in a group of 12, eight multiples of two are not: it is too narrow to round."""

    def left(round_to: int) -> list[int]:
        decision = decide(residual(), 0.4, round_to=round_to)
        pairs = zip(decision.ladders, decision.choice, strict=True)
        return [len(lad.cluster.units) - len(lad.rungs[r]) for lad, r in pairs]

    assert left(1) == left(2) == [5, 8]
    wide = Graph("wide")
    w, v = (Const(np.ones(s, np.float32)) for s in ((4, 64), (64, 3)))
    wide.set_outputs({"y": wide.append(MatMul(Relu(MatMul(wide.input("x", tensor("float32", 2, 4)), w)), v))})
    (ladder,) = decide(wide, 0.4, round_to=8).ladders
    assert [64 - len(r) for r in ladder.rungs] == [64, 56, 48, 40, 32, 24, 16, 8]


def test_a_ratio_is_a_share(residual) -> None:
    with pytest.raises(Error, match="at least 0 and below 1, got 1"):
        ls.run("prune(channels, 1)", residual())


def test_the_report_lists_every_group(residual) -> None:
    _, report = ls.run("prune(channels, 0.5, layers={'a.w': 0})", residual(), report=True)
    masked = next(r for r in report.to_dict() if r["name"].startswith("mask"))
    rows = {r["channels"]: r for r in masked["channels"]}
    assert (rows["stem.w"]["units"], rows["stem.w"]["left"], rows["stem.w"]["reason"]) == (8, 4, "")
    assert {"stem.w axis 0", "a.w axis 1", "b.w axis 0", "fc.w axis 1", "sum axis 1"} <= set(rows["stem.w"]["members"])
    assert rows["a.w"]["left"] == 12
    assert "the decision leaves it" in rows["a.w"]["reason"]
    assert "graph output 'y'" in rows["fc.w"]["reason"]
    text = report.details()
    assert "stem.w" in text
    assert "sum axis" not in text


def test_explain_prints_members_and_what_freezes_them(residual) -> None:
    text = str(explain("prune(channels, 0.5)", residual()))
    assert "channels stem.w; units 8; left 4; members stem.w axis 0" in text
    assert "channels fc.w; units 5; left 5; reason it is the graph output 'y'; members fc.w axis 0" in text


def test_integers_say_that_pruning_comes_before_them(residual) -> None:
    integers = ls.run("quantize(int8)", residual(), data=[np.zeros((4, 3, 8, 8), np.float32)])
    text = str(explain("prune(channels, 0.5)", integers))
    assert "units 8; left 8; reason its numbers are integers that are decided on already; prune before" in text


@pytest.mark.parametrize(
    ("text", "again"),
    [
        ("prune(channels, until(macs=0.5), scope=global)", "prune(amount=until(macs=0.5), scope=global)"),
        ("prune(heads, 0.25, scope='global')", "prune(heads, 0.25, global)"),
        ("mask(0.25, layers={'fc*': 0, stem: 0.5})", "mask(0.25, layers={'fc*': 0.0, 'stem': 0.5})"),
        ("mask(layers={'global': 0.5})", "mask(layers={'global': 0.5})"),
    ],
)
def test_calls_tables_and_reserved_words_in_pipeline_text(text: str, again: str) -> None:
    (step,) = parse_pipeline(text)
    assert isinstance(step, Step)
    assert str(step) == again
    assert parse_pipeline(again) == [step]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("prune(until(mac=1))", "option 'what' is channels | heads | width, got until(mac=1)"),
        ("prune(channels, until(mac=1))", "until(...) takes macs, params, ms, got 'mac'; did you mean 'macs'?"),
        ("prune(channels, until(macs=few))", "'macs' of until(...) is float | none, got few"),
        ("prune(channels, ever(macs=1))", "option 'amount' is float | until(macs, params, ms), got ever(macs=1)"),
        ("mask(layers={a: b})", "option 'layers' is {name: float} | none, got {'a': b}"),
        ("prune(channels, until())", "until(...) takes one of macs, params and ms, got none"),
    ],
)
def test_messages_for_what_does_not_fit(text: str, message: str) -> None:
    with pytest.raises(Error) as raised:
        parse_pipeline(text)
    assert str(raised.value).startswith(message)
    assert str(raised.value).endswith("^")


def test_bisection_finds_what_trying_everything_finds(residual) -> None:
    """Among uniform choices the bisection's level is the lowest that meets the limit."""
    graph = residual()
    decision = decide(graph, 0.0, round_to=1)
    policy = uniform(decision.ladders)
    sizes = [
        macs_of(shrink_units(graph, decision.solution, removed(decision.solution, decision.ladders, policy.choose(v))))
        for v in policy.levels
    ]
    for limit in (0.9 * sizes[0], 0.5 * sizes[0], 0.2 * sizes[0]):
        choice = choose_until(graph, decision.solution, decision.ladders, policy, limit, macs_of, tries=0)
        best = next(v for v, s in zip(policy.levels, sizes, strict=True) if s <= limit)
        assert choice == policy.choose(best)
