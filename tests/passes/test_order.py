"""Steps in every order: what masks, grids, factors and training leave to each other, or a refusal before any work."""

from __future__ import annotations

from itertools import pairwise, permutations

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import lissom as ls
from lissom.ir.errors import Error
from lissom.ir.graph import Graph
from lissom.ir.ops.fake_quant import FakeQuant
from lissom.ir.ops.mask import Mask
from lissom.passes.check import random_feed
from lissom.passes.graph_pass import Context, Step
from lissom.passes.report import Size
from tests.passes.train.conftest import exported, images

STEPS = {
    "prune": "prune(channels, 0.5)",
    "mask": "mask(0.25)",
    "sparse": "finetune(sparsity=0.5, batch=64)",
    "factorize": "factorize(svd, ranks=['conv2=4'], keep=always)",
    "substitute": "substitute(depthwise_separable, keep=always)",
    "distill": "distill(batch=64)",
    "grids": "fake_quantize",
    "quantize": "quantize(int8)",
    "qat": "quantize(int8, qat=true, batch=64)",
}
NEVER = {
    ("grids", "factorize"),
    ("grids", "substitute"),
    ("sparse", "factorize"),
    ("sparse", "substitute"),
    ("grids", "quantize"),
    ("grids", "qat"),
    *((end, name) for end in ("quantize", "qat") for name in STEPS if name != end),
}
"""Pairs of which the second cannot come anywhere behind the first."""
ENDS = [("sparse", "grids"), ("grids", "distill"), ("sparse", "qat"), ("grids", "sparse", "distill"), ("qat",)]

SHAPING = {"mask", "factorize", "substitute"}


def possible(names: tuple[str, ...]) -> bool:
    return not any((a, b) in NEVER for i, a in enumerate(names) for b in names[i + 1 :])


def zeros(graph: Graph) -> int:
    """Elements that masks hold at zero."""
    return sum(int((~op.keep.data).sum()) for op in graph.ops if isinstance(op, Mask))  # type: ignore[attr-defined]


def grids(graph: Graph) -> int:
    return sum(isinstance(op, FakeQuant) for op in graph.ops)


def tried(names: tuple[str, ...]) -> None:
    """Run the steps in one pipeline, the runner's checks and all, and look at the graph after every pass."""
    seen: list[tuple[str, int, int, int]] = []
    real = Step.run

    def watched(step: Step, graph: Graph, context: Context) -> None:
        real(step, graph, context)
        seen.append((step.of.name, len(graph), zeros(graph), grids(graph)))

    graph, data = exported(8, 0), [images(128, 1)]
    pipeline = ", ".join(STEPS[n] for n in names)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Step, "run", watched)
        if not possible(names):
            with pytest.raises(Error, match=r"cannot come after .*(put it before|go on with)"):
                ls.run(pipeline, graph, data=data)
            assert not seen, "some of it was run"
            return
        now = ls.run(pipeline, graph, data=data)
    for i, ((_, nodes, masked, quantized), (name, *after)) in enumerate(pairwise(seen)):
        if name == "distill":
            assert after == [nodes, masked, quantized]
        if name == "finetune":  # the sparse one: a mask for each of the three weights that has none
            assert after[1] > masked
            assert after[2] == quantized
        if name in SHAPING:
            assert after[2] == quantized
            alone = not SHAPING & {passed for passed, *_ in seen[: i + 1]}
            assert after[0] > nodes if alone else after[0] >= nodes
    feed = random_feed(now, 8, 0)
    (expected,), (got,) = (ls.evaluate(g, *feed.values()) for g in (graph, now))
    assert got.shape == expected.shape
    assert np.isfinite(got).all()


@pytest.mark.parametrize("names", list(permutations(STEPS, 2)), ids="-".join)
def test_every_two(names: tuple[str, ...]) -> None:
    tried(names)


@settings(max_examples=8, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(st.permutations(list(STEPS)), st.integers(3, len(STEPS)))
def test_longer_orders(names: list[str], count: int) -> None:
    tried(tuple(names[:count]))


@settings(max_examples=6, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(st.permutations([n for n in STEPS if n not in ("sparse", "grids", "quantize", "qat")]), st.sampled_from(ENDS))
def test_longer_orders_that_are_possible(names: list[str], end: tuple[str, ...]) -> None:
    assert possible((*names, *end))
    tried((*names, *end))


def test_all_three_as_the_documentation_has_them() -> None:
    text = "prune(channels, 0.5), distill(epochs=2), quantize(int8, qat=True, distill=True)"
    graph, data = exported(8, 0), [images(128, 1)]
    now, report = ls.run(text, graph, data=data, report=True)
    assert [row.name.partition("(")[0] for row in report.rows if "training" in row.tables] == ["distill"] * 2
    assert any(op.op_type == "QLinearConv" for op in now.ops)
    assert Size.of(now).macs < 0.5 * Size.of(graph).macs


def test_masks_written_into_weights_are_no_masks_any_more() -> None:
    sparse, rest = STEPS["sparse"], STEPS["factorize"]
    graph, data = exported(8, 0), [images(128, 1)]
    with pytest.raises(Error, match=r"factorize.* cannot come after finetune.*which leaves no weights without masks,"):
        ls.run(f"{sparse}, {rest}", graph, data=data)
    assert len(ls.run(f"{sparse}, apply_masks, {rest}", graph, data=data)) > len(graph)


def test_codes_stay_where_masks_are_written_into_weights() -> None:
    with pytest.raises(Error, match=r"factorize.* cannot come after cluster.*which leaves no weights without codes"):
        ls.run(f"cluster(4), apply_masks, {STEPS['factorize']}", exported(8, 0), data=[images(128, 1)])


def test_grids_that_are_there_are_lowered_by_what_is_left_of_quantize() -> None:
    graph, data = exported(8, 0), [images(128, 1)]
    with pytest.raises(Error, match=r"that is done, so go on with correct_bias, integerize instead"):
        ls.run("fold, fake_quantize, quantize", graph, data=data)
    now = ls.run("fold, fake_quantize, correct_bias, integerize", graph, data=data)
    assert any(op.op_type == "QLinearConv" for op in now.ops)


def test_what_the_run_has_not_is_missed_before_anything_runs() -> None:
    done: list[str] = []
    with pytest.raises(Error, match="pass 'distill' needs data"):
        ls.run("fold, distill", exported(8, 0), progress=lambda row: done.append(row.name))
    assert not done
