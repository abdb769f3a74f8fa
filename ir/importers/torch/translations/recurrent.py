"""Recurrent layers, step by step."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from lissom.ir.importers.recurrent import Cell, States, Weights, gru, initial, lstm, rnn, unrolled
from lissom.ir.importers.torch.operands import ints
from lissom.ir.importers.torch.registry import translates
from lissom.ir.ops.concat import Concat
from lissom.ir.ops.relu import Relu
from lissom.ir.ops.unsqueeze import Unsqueeze
from lissom.ir.values import Value

MakeCell = Callable[[Weights], Cell]


def _recurrent(
    make: MakeCell,
    has_one_bias: bool,
    x: Value,
    hx: Value | Sequence[Value],
    params: Sequence[Value],
    has_biases: bool,
    num_layers: int,
    dropout: float,
    train: bool,
    bidirectional: bool,
    batch_first: bool,
) -> tuple[Value, ...]:
    """All three kinds; ``has_one_bias`` where what is multiplied with the state needs none of its own."""
    each = list(_weights(params, has_biases, num_layers * (1 + bidirectional)))
    given = [hx] if isinstance(hx, Value) else hx
    return _layers(x, given, [w.joined() for w in each] if has_one_bias else each, make, bidirectional, batch_first)


translates("lstm.input")(partial(_recurrent, partial(lstm, order="ifco"), True))
translates("gru.input")(partial(_recurrent, partial(gru, order="rz"), False))
translates("rnn_tanh.input")(partial(_recurrent, rnn, True))
translates("rnn_relu.input")(partial(_recurrent, partial(rnn, activation=Relu), True))


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
