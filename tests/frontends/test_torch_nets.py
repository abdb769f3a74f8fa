"""Whole networks, in and out: the interpreter, the module of ``to_torch`` and its gradients against the original."""

from __future__ import annotations

import copy
from functools import cache

import numpy as np
import pytest
import torch
from torch_nets import NETS, Case

from lissom.backends.torch import to_torch
from lissom.ir.graph import Graph
from lissom.ir.importers.torch import from_torch
from lissom.ir.interpreter import evaluate
from lissom.ir.verify import verify

TOLERANCE = {"rtol": 1e-4, "atol": 1e-5}


@pytest.fixture(params=list(NETS))
def case(request: pytest.FixtureRequest) -> Case:
    return copy.deepcopy(prepared(request.param))


@cache
def prepared(name: str) -> Case:
    torch.manual_seed(0)
    made = NETS[name]()
    made.name = name
    randomize(made.module)
    return made


def randomize(module: torch.nn.Module) -> None:
    """Statistics and affine parameters other than 0 and 1, so that mixing them up shows."""
    with torch.no_grad():
        for name, tensor in [*module.named_buffers(), *module.named_parameters()]:
            if name.endswith("running_var"):
                tensor.uniform_(0.5, 2)
            elif name.endswith("running_mean") or (tensor.ndim == 1 and tensor.is_floating_point()):
                tensor.uniform_(-1, 1)


def imported(case: Case, dynamic: bool = False) -> Graph:
    return imported_once(case.name, dynamic)


@cache
def imported_once(name: str, dynamic: bool) -> Graph:
    case = prepared(name)
    shapes = None
    if dynamic:
        dims = {name: torch.export.Dim(name, min=1, max=15) for name in case.dynamic.values()}
        shapes = tuple({a: dims[n] for a, n in case.dynamic.items()} for _ in case.args)
    graph = from_torch(case.module, case.args, case.kwargs, dynamic_shapes=shapes)
    verify(graph)
    return graph


def test_interpreter_equals_module(case: Case) -> None:
    graph = imported(case)
    want = case.module.eval()(*case.args)
    (got,) = evaluate(graph, *(a.numpy() for a in case.args))
    np.testing.assert_allclose(got, want.detach().numpy(), **TOLERANCE)


def test_to_torch_equals_module_with_gradients(case: Case) -> None:
    graph = imported(case)
    module, twin = case.module.eval(), to_torch(graph)
    want, got = module(*case.args), twin(*case.args)
    torch.testing.assert_close(got, want, **TOLERANCE)
    weights = torch.randn_like(want)
    (want * weights).sum().backward()
    (got * weights).sum().backward()
    theirs, mine = dict(module.named_parameters()), dict(twin.named_parameters())
    assert mine.keys() == {n for n, p in theirs.items() if p.grad is not None}
    for name, parameter in mine.items():
        wanted = theirs[name].grad
        torch.testing.assert_close(parameter.grad, wanted, rtol=1e-3, atol=1e-4, msg=lambda m, n=name: f"{n}: {m}")


def test_state_dict_goes_both_ways(case: Case) -> None:
    twin = to_torch(imported(case))
    state = case.module.state_dict()
    assert twin.state_dict().keys() == state.keys()
    twin.load_state_dict({k: torch.rand_like(v) if v.is_floating_point() else v for k, v in state.items()})
    case.module.load_state_dict(twin.state_dict())
    torch.testing.assert_close(twin(*case.args), case.module.eval()(*case.args), **TOLERANCE)


def test_other_sizes_of_free_axes(case: Case) -> None:
    if case.dynamic is None:
        return
    graph = imported(case, dynamic=True)
    names = {str(d) for i in graph.inputs for d in i.type.dims if not isinstance(d, int)}
    assert names == set(case.dynamic.values())
    more = []
    for a in case.args:
        for axis in case.dynamic:
            a = torch.cat([a, a[tuple(slice(None, 1) if i == axis else slice(None) for i in range(a.ndim))]], axis)
        more.append(a)
    want = case.module.eval()(*more)
    torch.testing.assert_close(to_torch(graph)(*more), want, **TOLERANCE)
    np.testing.assert_allclose(evaluate(graph, *(a.numpy() for a in more))[0], want.detach().numpy(), **TOLERANCE)


def test_read_back_is_the_same_graph(case: Case) -> None:
    graph = imported(case)
    twin = to_torch(graph)
    for module in (twin, copy.deepcopy(twin)):
        again = from_torch(module)
        verify(again)
        assert str(again) == str(graph)
        (got,) = evaluate(again, *(a.numpy() for a in case.args))
        np.testing.assert_array_equal(got, evaluate(graph, *(a.numpy() for a in case.args))[0])
