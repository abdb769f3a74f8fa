"""Penalties against brute force, and gradual masks."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import lissom as ls
from lissom.ir.errors import Error
from lissom.ir.ops.mask import Mask
from lissom.ir.types import Array
from lissom.ir.values import Const
from lissom.passes.train import finetune
from lissom.passes.train.network import Network, trainable
from lissom.passes.train.penalties import EPSILON, PENALTIES
from lissom.passes.train.sparsity import Gradual, mask_weights
from tests.passes.train.conftest import Net, const, weights

CPU = torch.device("cpu")


def value(net: Net, name: str) -> tuple[float, dict[str, Array]]:
    graph = net(4)
    found = PENALTIES[name](Network(graph, CPU, trainable(graph)))()
    return found.item(), weights(graph)


def test_l1_and_scales(net: Net) -> None:
    found, w = value(net, "l1")
    assert found == pytest.approx(sum(np.abs(w[f"{n}.weight"]).sum() for n in ("conv1", "conv2", "fc")), rel=1e-5)
    found, w = value(net, "bn_scale")
    assert found == pytest.approx(np.abs(w["bn.weight"]).sum(), rel=1e-6)


def slices(w: dict[str, Array]) -> list[list[Array]]:
    """For each of the 8 units what enters it and what leaves it: channels of conv1, then of conv2 (16 places each)."""
    inner = [[w["conv1.weight"][i], w["conv2.weight"][:, i]] for i in range(4)]
    return inner + [[w["conv2.weight"][i], w["fc.weight"].reshape(4, 4, 16)[:, i]] for i in range(4)]


def test_group_lasso_is_over_all_weights_of_a_unit(net: Net) -> None:
    found, w = value(net, "group_lasso")
    norms = [np.sqrt(sum(np.square(s).sum() for s in unit) * sum(s.size for s in unit)) for unit in slices(w)]
    assert found == pytest.approx(sum(norms), rel=1e-4)


def test_drop_neuron_is_over_both_sides(net: Net) -> None:
    found, w = value(net, "drop_neuron")
    norms = [np.sqrt(np.square(s).sum() + EPSILON) for unit in slices(w) for s in unit]
    assert found == pytest.approx(sum(norms), rel=1e-4)


def test_gradients_of_penalties_are_finite_at_zero(net: Net) -> None:
    graph = net(4)
    for name in ("conv1.weight", "conv2.weight", "fc.weight"):
        graph.replace(const(graph, name), const(graph, name).replace(np.zeros_like(const(graph, name).data)))
    network = Network(graph, CPU, trainable(graph))
    for make in PENALTIES.values():
        torch.autograd.backward(make(network)())
    assert all(p.grad is None or bool(p.grad.isfinite().all()) for p in network.parameters.values())


def test_group_lasso_empties_units(net: Net, train_data: dict[str, Array]) -> None:
    def smallest(penalty: dict[str, float]) -> float:
        graph = net(8)
        finetune(graph, data=[train_data], epochs=15, batch=32, lr=1e-2, schedule="linear", decay=0.0, penalty=penalty)
        w = weights(graph)["conv2.weight"]
        norms = np.sqrt(np.square(w).sum((1, 2, 3)))
        return float(norms.min() / norms.max())

    assert smallest({"group_lasso": 0.01}) < 0.05 < smallest({})


def test_penalties_that_have_nothing_to_act_on(net: Net, train_data: dict[str, Array]) -> None:
    graph = ls.run("fold", net())
    with pytest.raises(Error, match="it must come before fold"):
        finetune(graph, data=[train_data], penalty={"bn_scale": 1e-4})
    with pytest.raises(Error, match="option 'penalty' is"):
        finetune(graph, data=[train_data], penalty={"l3": 1e-4})


def test_masks_grow_by_the_cubic_schedule_and_never_shrink(net: Net) -> None:
    graph = net()
    masks = mask_weights(graph)
    network = Network(graph, CPU, trainable(graph))
    gradual = Gradual(network, masks, 0.8, 300)
    (conv2,) = (m for m in masks if m.x.name == "conv2.weight")
    before, shares = torch.ones(conv2.x.type.static or (), dtype=torch.bool), []
    for step in range(300):
        gradual.before_step(step)
        now = network.states[conv2.keep]  # type: ignore[index]
        assert not (now & ~before).any()
        before = now
        shares.append(1 - float(now.double().mean()))
    assert shares[0] == 0
    assert shares[100] == pytest.approx(0.8 * (1 - 0.5**3), abs=0.01)
    assert shares[200] == shares[-1] == pytest.approx(0.8, abs=1e-3)
    w = const(graph, "conv2.weight").data
    assert np.abs(w)[~before.numpy()].max() <= np.abs(w)[before.numpy()].min()


@pytest.mark.parametrize("onnx", [False, True])
def test_sparse_weights_stay_sparse_while_more_is_learned(net: Net, train_data: dict[str, Array], onnx: bool) -> None:
    graph = net(onnx=onnx)
    images = [train_data]
    sparse = ls.run("finetune(epochs=3, batch=32, lr=0.005, sparsity=0.75)", graph, data=images)
    again = ls.run("finetune(epochs=1, batch=32), fold", sparse, data=images)

    def masks(g: ls.Graph) -> dict[str, Array]:
        return {op.x.name: op.keep.data for op in g.ops if isinstance(op, Mask) and isinstance(op.keep, Const)}

    first, second = masks(sparse), masks(again)
    assert first.keys() == second.keys() == {"conv1.weight", "conv2.weight", "fc.weight"}
    for name, keep in first.items():
        assert 1 - keep.mean() == pytest.approx(0.75, abs=0.01)
        assert np.array_equal(keep, second[name])
    assert not np.array_equal(const(sparse, "fc.weight").data, const(again, "fc.weight").data)
    plain, report = ls.run("apply_masks", again, report=True)
    assert report.rows[0].check == "equal"
    assert not masks(plain)
    assert all((weights(plain)[n] == 0).mean() == 1 - keep.mean() for n, keep in first.items())
    more = ls.run("finetune(epochs=1, batch=32, sparsity=0.9)", again, data=images)
    assert sum(isinstance(op, Mask) for op in more.ops) == 3
    assert all(not (masks(more)[n] & ~keep).any() for n, keep in first.items())
