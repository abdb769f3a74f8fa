"""Recurrent layers, step by step."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from lissom.ir.importers.recurrent import Cell, States, Weights, gru, initial, lstm, rnn, unrolled
from lissom.ir.importers.torch.operands import ints
from lissom.ir.importers.torch.registry import translates
from lissom.ir.ops.concat import Concat
from lissom.ir.ops.relu import Relu
from lissom.ir.ops.tanh import Tanh
from lissom.ir.ops.unsqueeze import Unsqueeze
from lissom.ir.values import Value

MakeCell = Callable[[Weights], Cell]


@translates("lstm.input")
def lstm_layers(
    x: Value,
    hx: Sequence[Value],
    params: Sequence[Value],
    has_biases: bool,
    num_layers: int,
    dropout: float,
    train: bool,
    bidirectional: bool,
    batch_first: bool,
) -> tuple[Value, ...]:
    make = partial(lstm, order="ifco")
    each = [w.joined() for w in _weights(params, has_biases, num_layers * (1 + bidirectional))]
    return _layers(x, hx, each, make, bidirectional, batch_first)


@translates("gru.input")
def gru_layers(
    x: Value,
    hx: Value,
    params: Sequence[Value],
    has_biases: bool,
    num_layers: int,
    dropout: float,
    train: bool,
    bidirectional: bool,
    batch_first: bool,
) -> tuple[Value, ...]:
    each = list(_weights(params, has_biases, num_layers * (1 + bidirectional)))
    return _layers(x, [hx], each, partial(gru, order="rz"), bidirectional, batch_first)


def _rnn_layers(
    activation: type[Tanh] | type[Relu],
    x: Value,
    hx: Value,
    params: Sequence[Value],
    has_biases: bool,
    num_layers: int,
    dropout: float,
    train: bool,
    bidirectional: bool,
    batch_first: bool,
) -> tuple[Value, ...]:
    each = [w.joined() for w in _weights(params, has_biases, num_layers * (1 + bidirectional))]
    return _layers(x, [hx], each, partial(rnn, activation=activation), bidirectional, batch_first)


translates("rnn_tanh.input")(partial(_rnn_layers, Tanh))
translates("rnn_relu.input")(partial(_rnn_layers, Relu))


def _weights(params: Sequence[Value], has_biases: bool, count: int) -> Iterator[Weights]:
    """The weights of each layer and direction; a projection of the output is the last of them."""
    share = len(params) // count
    for at in range(0, len(params), share):
        w, r, *rest = params[at : at + share]
        b, b_r = rest[:2] if has_biases else (None, None)
        yield Weights(w, r, b, b_r, rest[-1] if share % 2 else None)


def _layers(
    x: Value, given: Sequence[Value], each: Sequence[Weights], make: MakeCell, bidirectional: bool, batch_first: bool
) -> tuple[Value, ...]:
    """Layer on layer, the directions of one side by side; the outputs of the last, and all last states."""
    ends: list[States] = []
    directions = 1 + bidirectional
    for first in range(0, len(each), directions):
        outputs = []
        for k in range(first, first + directions):
            states = initial(given, k)
            y, end = unrolled(x, each[k], make(each[k]), states, axis=int(batch_first), reverse=k > first)
            outputs.append(y)
            ends.append(end)
        x = outputs[0] if len(outputs) == 1 else Concat(tuple(outputs), axis=2)
    return x, *(_stacked([end[i] for end in ends]) for i in range(len(given)))


def _stacked(states: Sequence[Value | None]) -> Value:
    rows = tuple(Unsqueeze(s, ints(0)) for s in states if s is not None)
    return rows[0] if len(rows) == 1 else Concat(rows, axis=0)
