"""Every criterion against its definition, computed another way, or on a case whose answer is known."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from lissom.ir.dims import symbol
from lissom.ir.errors import Error
from lissom.ir.graph import Graph
from lissom.ir.interpreter import evaluate
from lissom.ir.ops.add import Add
from lissom.ir.ops.batch_normalization import BatchNormalization
from lissom.ir.ops.conv import Conv
from lissom.ir.ops.mat_mul import MatMul
from lissom.ir.ops.relu import Relu
from lissom.ir.types import tensor
from lissom.ir.values import Const
from lissom.passes.data import Data
from lissom.passes.prune.criteria import CRITERIA
from lissom.passes.prune.evidence import Evidence
from lissom.passes.prune.reconstruction import RIDGE, contributions, places, readers
from lissom.passes.prune.select import clusters
from lissom.passes.prune.solve import Group, Solution, solve


def two_layers(w: np.ndarray, v: np.ndarray) -> Graph:
    """y = relu(x @ w) @ v: one group, the columns of w."""
    graph = Graph("two")
    x = graph.input("x", tensor("float32", symbol("N"), len(w)))
    hidden = Relu(MatMul(x, Const(w.astype(np.float32), "w")))
    graph.set_outputs({"y": graph.append(MatMul(hidden, Const(v.astype(np.float32), "v")))})
    return graph


def group_of(solution: Solution, name: str) -> Group:
    return next(g for g in solution.groups if solution.free[g.units].any() and g.places[0].const.name == name)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(3)


@pytest.fixture
def network(rng) -> Graph:
    return two_layers(rng.standard_normal((5, 6)), rng.standard_normal((6, 4)))


@pytest.fixture
def x(rng) -> np.ndarray:
    return rng.standard_normal((40, 5)).astype(np.float32)


def scored(graph: Graph, criterion: str, x: np.ndarray | None = None, y: np.ndarray | None = None) -> np.ndarray:
    """Scores of the hidden units, in the order of the columns of w."""
    solution = solve(graph)
    data = None if x is None else Data([{"x": x} if y is None else {"x": x, "y": y}], graph)
    return CRITERIA[criterion](Evidence(graph, solution, data))[hidden_units(solution)]


def hidden_units(solution: Solution) -> np.ndarray:
    return group_of(solution, "w").places[0].units


def arrays(graph: Graph) -> dict[str, np.ndarray]:
    return {c.name: c.data.astype(np.float64) for c in graph.consts}


@pytest.mark.parametrize("name", ["l1", "l2", "geometric_median"])
def test_minus_infinity_says_nothing_of_a_unit(rng, name: str) -> None:
    """Channels may be masked as attention is; the scores stay finite, and those of the other weights."""
    w, v, open_ = rng.standard_normal((5, 6)), rng.standard_normal((6, 4)), np.zeros((1, 6))
    masked = open_.copy()
    masked[0, 2] = -np.inf
    scores = []
    for mask in (open_, masked):
        graph = Graph("masked")
        x = graph.input("x", tensor("float32", symbol("N"), len(w)))
        y = Add(MatMul(x, Const(w.astype(np.float32), "w")), Const(mask.astype(np.float32)))
        graph.set_outputs({"y": graph.append(MatMul(Relu(y), Const(v.astype(np.float32), "v")))})
        scores.append(scored(graph, name))
    np.testing.assert_array_equal(*scores)


def test_l1_and_l2_sum_over_all_weights_of_a_unit(network) -> None:
    w, v = arrays(network)["w"], arrays(network)["v"]
    a, b = np.abs(w).sum(0), np.abs(v).sum(1)
    np.testing.assert_allclose(scored(network, "l1"), a / a.mean() + b / b.mean())
    a, b = np.linalg.norm(w, axis=0), np.linalg.norm(v, axis=1)
    np.testing.assert_allclose(scored(network, "l2"), a / a.mean() + b / b.mean())


def test_geometric_median_is_the_sum_of_distances(network) -> None:
    expected = np.zeros(6)
    for slices in (arrays(network)["w"].T, arrays(network)["v"]):
        sums = np.array([sum(np.linalg.norm(a - b) for b in slices) for a in slices])
        expected += sums / sums.mean()
    np.testing.assert_allclose(scored(network, "geometric_median"), expected, rtol=1e-6)


def test_bn_scale_reads_the_scale_and_else_the_weights(rng, network) -> None:
    graph = Graph("bn")
    x = graph.input("x", tensor("float32", symbol("N"), 2, 4, 4))
    scale = np.array([0.5, -2.0, 1.0], np.float32)
    parts = [Const(a, n) for n, a in zip("sbmv", (scale, *np.ones((3, 3), np.float32)), strict=True)]
    conv = Conv(x, Const(rng.standard_normal((3, 2, 1, 1)).astype(np.float32), "w"))
    out = Conv(BatchNormalization(conv, *parts), Const(rng.standard_normal((2, 3, 1, 1)).astype(np.float32), "v"))
    graph.set_outputs({"y": graph.append(out)})
    assert np.argsort(scored(graph, "bn_scale")).tolist() == [0, 2, 1]
    np.testing.assert_allclose(scored(network, "bn_scale"), scored(network, "l1"))


def test_random_differs_by_seed_only(network) -> None:
    solution = solve(network)
    one, again, other = (CRITERIA["random"](Evidence(network, solution, seed=s)) for s in (1, 1, 2))
    assert (one == again).all()
    assert (one != other).any()


def test_apoz_and_activation_are_means_over_the_data(network, x) -> None:
    hidden = np.maximum(x @ arrays(network)["w"], 0)
    np.testing.assert_allclose(scored(network, "apoz", x), (hidden > 0).mean(0), atol=1e-6)
    np.testing.assert_allclose(scored(network, "activation", x), hidden.mean(0), rtol=1e-5)


def test_activity_counts_every_position_of_a_feature_map(residual, images) -> None:
    graph = residual()
    solution = solve(graph)
    scores = CRITERIA["apoz"](Evidence(graph, solution, Data([images], graph), samples=96))
    seen = {}
    evaluate(graph, images, observe=lambda v, t: seen.__setitem__(v.name, t.numpy()))
    np.testing.assert_allclose(scores[group_of(solution, "a.w").places[0].units], (seen["r1"] > 0).mean((0, 2, 3)))


def test_taylor_with_labels_is_the_squared_derivative_by_a_gate(network, x) -> None:
    y = np.arange(40) % 4
    w, v = (torch.from_numpy(arrays(network)[n]) for n in "wv")
    expected = np.zeros(6)
    for row, label in zip(torch.from_numpy(x).double(), y, strict=True):
        gate = torch.ones(6, dtype=torch.float64, requires_grad=True)
        loss = torch.nn.functional.cross_entropy((torch.relu(row @ w) * gate) @ v, torch.tensor(label))
        expected += torch.autograd.grad(loss, gate)[0].numpy() ** 2
    np.testing.assert_allclose(scored(network, "taylor", x, y), expected / 40, rtol=1e-4)


def test_taylor_without_labels_is_near_the_squared_change_of_the_output(network, rng) -> None:
    """The last layer is linear: taking a unit out changes the outputs by exactly what its gate's derivative says."""
    x = rng.standard_normal((256, 5)).astype(np.float32)
    hidden = np.maximum(x @ arrays(network)["w"], 0)
    v = arrays(network)["v"]
    spread = (hidden @ v).std()
    exact = np.array([np.square(np.outer(hidden[:, u], v[u]) / spread).sum(1).mean() for u in range(6)])
    np.testing.assert_allclose(scored(network, "taylor", x), exact, rtol=0.4)


def test_gates_of_a_unit_that_is_read_twice_add_up(residual, images) -> None:
    """The residual unit is read by the branch and by the last layer: removing it acts on both."""
    graph = residual()
    solution = solve(graph)
    scores = CRITERIA["taylor"](Evidence(graph, solution, Data([images], graph), samples=16))
    assert (scores[solution.free] > 0).all()


def moments(network: Graph, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    hidden = np.maximum(x @ arrays(network)["w"], 0)
    return hidden, arrays(network)["v"]


def test_contributions_are_products_of_what_units_add(network, x) -> None:
    solution = solve(network)
    (reader,) = readers(Evidence(network, solution, Data([x], network)))
    hidden, v = moments(network, x)
    parts = np.einsum("nu,uo->uno", hidden, v)
    expected = np.einsum("uno,wno->uw", parts, parts) / len(x) / reader.energy
    units = hidden_units(solution)
    got = contributions([reader], np.sort(units))
    order = places(units, np.sort(units))
    np.testing.assert_allclose(got[np.ix_(order, order)], expected, rtol=1e-4)


def test_thinet_takes_the_greedy_order(network, x) -> None:
    hidden, v = moments(network, x)
    gone: list[int] = []
    while len(gone) < 6:
        costs = {u: np.square(hidden[:, [*gone, u]] @ v[[*gone, u]]).sum() for u in range(6) if u not in gone}
        gone.append(min(costs, key=lambda u: costs[u]))
    assert np.argsort(scored(network, "thinet", x)).tolist() == gone


def test_surgeon_takes_the_greedy_order_of_least_squares(network, x) -> None:
    """Each step removes the unit without which ridge regression on the others reproduces the outputs best."""
    hidden, v = moments(network, x)
    centred = hidden - hidden.mean(0)
    ridge = RIDGE * np.square(hidden).sum(0).mean()
    gone: list[int] = []

    def error(left: list[int]) -> float:
        gram = centred.T @ centred + ridge * np.eye(6)
        best = np.linalg.solve(gram[np.ix_(left, left)], gram[left] @ v)
        full = np.zeros_like(v)
        full[left] = best
        return float(np.einsum("uo,uw,wo->", v - full, gram, v - full))

    while len(gone) < 6:
        costs = {u: error([k for k in range(6) if k not in (*gone, u)]) for u in range(6) if u not in gone}
        gone.append(min(costs, key=lambda u: costs[u]))
    assert np.argsort(scored(network, "surgeon", x)).tolist() == gone


def test_surgeon_spares_what_no_other_unit_can_stand_in_for(rng) -> None:
    w = rng.standard_normal((5, 4))
    w[:, 3] = 2 * w[:, 2]  # relu(2 a) = 2 relu(a): either of the two can go for nothing
    x = rng.standard_normal((60, 5)).astype(np.float32)
    scores = scored(two_layers(w, 1 + rng.random((4, 3))), "surgeon", x)
    assert np.argmin(scores) in (2, 3)
    assert np.sort(scores)[0] < 0.01 * np.sort(scores)[1]


def test_lasso_drops_what_adds_nothing_first(rng, x) -> None:
    v = rng.standard_normal((6, 4))
    v[[1, 4]] *= 1e-3
    order = np.argsort(scored(two_layers(rng.standard_normal((5, 6)), v), "lasso", x))
    assert set(order[:2].tolist()) == {1, 4}


def test_dcp_finds_the_units_that_tell_classes_apart(rng) -> None:
    """Inputs 0 and 1 carry the class, the others only noise; hidden unit u passes input u."""
    y = np.arange(200) % 2
    x = rng.standard_normal((200, 6)).astype(np.float32)
    x[:, 0] += 4 * y
    x[:, 1] += 4 * (1 - y)
    scores = scored(two_layers(np.eye(6), 0.2 * rng.standard_normal((6, 4))), "dcp", x, y)
    assert set(np.argsort(-scores)[:2].tolist()) == {0, 1}


def test_dcp_without_labels_is_an_error(network, x) -> None:
    with pytest.raises(Error, match="dcp needs labels"):
        scored(network, "dcp", x)


@pytest.mark.parametrize("name", [n for n, c in CRITERIA.items() if c.needs != "nothing"])
def test_criteria_that_need_data_say_so(network, name: str) -> None:
    with pytest.raises(Error, match=f"criterion {name} needs data"):
        scored(network, name)


@pytest.mark.parametrize("name", CRITERIA)
def test_every_criterion_scores_every_free_unit_of_a_residual_network(residual, images, name: str) -> None:
    graph = residual()
    solution = solve(graph)
    labels = np.arange(len(images)) % 5
    scores = CRITERIA[name](Evidence(graph, solution, Data([{"x": images, "y": labels}], graph), samples=96))
    assert np.isfinite(scores[solution.free]).all()
    for cluster in clusters(solution):
        assert len(set(scores[cluster.units].tolist())) > len(cluster.units) // 2, "units are told apart"


@pytest.mark.parametrize("name", CRITERIA)
def test_every_criterion_has_a_reference(name: str) -> None:
    doc = CRITERIA[name].function.__doc__ or ""
    assert name == "random" or any(str(year) in doc for year in range(1989, 2027))


def test_no_order_of_two_removals_beats_the_surgeon_by_much(network, x) -> None:
    """Greedy against all pairs, by brute force: the same residual of least squares within a factor of two."""
    hidden, v = moments(network, x)
    target = hidden @ v

    def residual_of(left: tuple[int, ...]) -> float:
        a = np.c_[hidden[:, left], np.ones(len(x))]
        return float(np.square(target - a @ np.linalg.lstsq(a, target, rcond=None)[0]).sum())

    best = min(residual_of(left) for left in itertools.combinations(range(6), 4))
    greedy = residual_of(tuple(sorted(np.argsort(scored(network, "surgeon", x))[2:].tolist())))
    assert greedy <= 2 * best + 1e-9
