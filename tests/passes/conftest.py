"""Before/after tests of rewriting: ``folds(before, after)`` folds, compares the text, and runs both graphs."""

from __future__ import annotations

import re
from collections.abc import Callable
from textwrap import dedent

import numpy as np
import pytest
import torch

from lissom.ir.graph import Graph
from lissom.ir.interpreter import evaluate
from lissom.ir.parser import parse_graph, parse_type
from lissom.ir.printer import print_graph
from lissom.ir.samples import random_array
from lissom.ir.verify import verify
from lissom.passes.check import random_feed
from lissom.passes.compare import relative_error
from lissom.passes.fold import fold

torch.set_num_threads(1)

Folds = Callable[..., Graph]


def graph_of(body: str) -> Graph:
    """The graph of ``body``: text without first and last line. Constants without elements are random and positive."""
    weights = {}
    for name, type_text in re.findall(r"const %(\S+): (\w+\[[\d,]*\])(?: trainable)?\s*$", body, re.MULTILINE):
        type = parse_type(type_text)
        assert type.static is not None
        weights[name] = random_array(name, type.static, type.dtype, 0.5, 1.5)
    return parse_graph(f"graph 'test' stage=imported {{\n{dedent(body).strip()}\n}}\n", weights)


def ops_text(graph: Graph) -> str:
    """The lines of ops and outputs, without locations."""
    lines = [line.strip().partition("  @ ")[0] for line in print_graph(graph).splitlines()]
    return "\n".join(line for line in lines if line.startswith(("%", "output")))


@pytest.fixture
def build() -> Callable[[str], Graph]:
    return graph_of


@pytest.fixture
def text_of() -> Callable[[Graph], str]:
    return ops_text


@pytest.fixture
def folds() -> Folds:
    def check(before: str, after: str | None = None, *, size: int = 5, tolerance: float = 1e-5) -> Graph:
        graph = graph_of(before)
        original = graph.clone()
        fold(graph)
        verify(graph)
        expected = ops_text(original) if after is None else dedent(after).strip()
        assert ops_text(graph) == expected
        feed = random_feed(original, size, seed=0)
        for a, b in zip(evaluate(original, *feed.values()), evaluate(graph, *feed.values()), strict=True):
            assert a.dtype == b.dtype
            assert relative_error(a, b) <= tolerance
            assert np.isfinite(a.astype(np.float64)).all()
        return graph

    return check
