"""LSTM, GRU and RNN nodes as the ops of their steps (ONNX operators, versions 7, 14 and 22)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np

from lissom.ir.errors import Unsupported
from lissom.ir.importers.onnx.form import Form
from lissom.ir.importers.onnx.lowering import lowers
from lissom.ir.importers.recurrent import (
    Activation,
    Cell,
    States,
    Weights,
    gru,
    initial,
    lstm,
    one_of,
    parts,
    rnn,
    unrolled,
)
from lissom.ir.ops.add import Add
from lissom.ir.ops.clip import Clip
from lissom.ir.ops.concat import Concat
from lissom.ir.ops.elu import Elu
from lissom.ir.ops.hard_sigmoid import HardSigmoid
from lissom.ir.ops.leaky_relu import LeakyRelu
from lissom.ir.ops.mul import Mul
from lissom.ir.ops.relu import Relu
from lissom.ir.ops.sigmoid import Sigmoid
from lissom.ir.ops.softplus import Softplus
from lissom.ir.ops.softsign import Softsign
from lissom.ir.ops.tanh import Tanh
from lissom.ir.ops.thresholded_relu import ThresholdedRelu
from lissom.ir.ops.unsqueeze import Unsqueeze
from lissom.ir.values import Const, Value

DEFAULTS: dict[str, tuple[float | None, ...]] = {
    "affine": (None, None),
    "elu": (1.0,),
    "hardsigmoid": (0.2, 0.5),
    "leakyrelu": (0.01,),
    "scaledtanh": (None, None),
    "thresholdedrelu": (None,),
}
"""The alpha, or alpha and beta, of the activations that have them; None where a node has to say them."""

ACTIVATIONS = {"LSTM": ("Sigmoid", "Tanh", "Tanh"), "GRU": ("Sigmoid", "Tanh"), "RNN": ("Tanh",)}
DIRECTIONS = {"forward": (False,), "reverse": (True,), "bidirectional": (False, True)}
"""For each direction, whether it begins at the end."""


@lowers("LSTM", "GRU", "RNN")
def recurrent(form: Form) -> Sequence[Value | None]:
    """The ops of all steps, Y, Y_h and for LSTM Y_c; raises Unsupported where the number of steps is open."""
    x, w, r = (form.required(i) for i in range(3))
    for v in (w, r, form.operand(3), form.operand(7)):
        if isinstance(v, Const):
            v.trainable = True
    by_name = form.attribute("direction", "forward")
    if by_name not in DIRECTIONS:
        raise Unsupported(f"{form.kind} with direction = {by_name!r}")
    directions = DIRECTIONS[by_name]
    batch_first = form.attribute("layout", 0) == 1
    hidden = r.type.dims[-1]
    if form.attribute("hidden_size", hidden) != hidden:
        raise Unsupported(f"{form.kind} with hidden_size = {form.attribute('hidden_size')} and weights for {hidden}")
    axis = 1 if batch_first else 0
    _require_whole(form, x.type.dims[axis])
    activations = list(_activations(form, len(directions)))
    given = [form.operand(i) for i in ((5, 6) if form.kind == "LSTM" else (5,))]
    outputs: list[Value] = []
    last: list[States] = []
    for d, reverse in enumerate(directions):
        biases = None if (b := form.operand(3)) is None else parts(one_of(b, d), 2)
        weights = Weights(one_of(w, d), one_of(r, d), *(biases or ()))
        mine = activations[d * len(activations) // len(directions) :]
        weights, cell = _cell(form, weights, mine, d)
        states = initial(given, d, axis)
        y, end = unrolled(x, weights, cell, states, axis=axis, reverse=reverse)
        outputs.append(Unsqueeze(y, _axes(axis + 1)))
        last.append(end)
    ends = [_joined([Unsqueeze(_there(s[k]), _axes(axis)) for s in last], axis) for k in range(len(given))]
    results = [_joined(outputs, axis + 1), *ends]
    return [v if name else None for v, name in zip(results, form.outputs, strict=False)]


def _cell(form: Form, weights: Weights, f: Sequence[Activation], direction: int) -> tuple[Weights, Cell]:
    """The cell of one direction, and the weights with biases where it wants them."""
    match form.kind:
        case "LSTM":
            weights = weights.joined()
            holes = None
            if (p := form.operand(7)) is not None:
                holes = dict(zip("iof", parts(one_of(p, direction), 3), strict=True))
            coupled = bool(form.attribute("input_forget", 0))
            gate, candidate, squash = f[:3]
            return weights, lstm(
                weights, gate=gate, candidate=candidate, squash=squash, peepholes=holes, coupled=coupled
            )
        case "GRU":
            after = bool(form.attribute("linear_before_reset", 0))
            weights = weights if after else weights.joined()
            return weights, gru(weights, gate=f[0], candidate=f[1], reset_product=after)
    return (joined := weights.joined()), rnn(joined, activation=f[0])


def _activations(form: Form, directions: int) -> Iterator[Activation]:
    """The activations of all directions; each takes its alpha and beta off the front of the lists."""
    default = ACTIVATIONS[form.kind] * directions
    names = tuple(form.attribute("activations") or default)
    if form.kind == "RNN" and names == ("Tanh", "Tanh"):  # the schema's default, whatever the directions
        names = default
    if len(names) != len(default):
        raise Unsupported(f"{form.kind} with activations = {names!r}")
    alphas, betas = (list(form.attribute(a) or ()) for a in ("activation_alpha", "activation_beta"))
    clip = form.attribute("clip", 0.0)
    for i, name in enumerate(names):
        values = [
            left.pop(0) if left else d for left, d in zip((alphas, betas), DEFAULTS.get(name.lower(), ()), strict=False)
        ]
        of_cell_state = (
            form.kind == "LSTM" and i % 3 == 2
        )  # onnxruntime clips sums of gates, and the text leaves it open
        yield partial(_activate, name, values, 0.0 if of_cell_state else clip)


def _activate(name: str, values: Sequence[float | None], clip: float, x: Value) -> Value:
    if clip:
        x = Clip(x, _number(-clip, x), _number(clip, x))
    match name.lower(), values:
        case "sigmoid", _:
            return Sigmoid(x)
        case "tanh", _:
            return Tanh(x)
        case "relu", _:
            return Relu(x)
        case "softsign", _:
            return Softsign(x)
        case "softplus", _:
            return Softplus(x)
        case "elu", (float() as alpha,):
            return Elu(x, alpha=alpha)
        case "leakyrelu", (float() as alpha,):
            return LeakyRelu(x, alpha=alpha)
        case "thresholdedrelu", (float() as alpha,):
            return ThresholdedRelu(x, alpha=alpha)
        case "hardsigmoid", (float() as alpha, float() as beta):
            return HardSigmoid(x, alpha=alpha, beta=beta)
        case "affine", (float() as alpha, float() as beta):
            return Add(Mul(x, _number(alpha, x)), _number(beta, x))
        case "scaledtanh", (float() as alpha, float() as beta):
            return Mul(Tanh(Mul(x, _number(beta, x))), _number(alpha, x))
    wants = " without its alpha and beta" if name.lower() in DEFAULTS else ""
    raise Unsupported(f"an activation {name!r}{wants}")


def _require_whole(form: Form, steps: object) -> None:
    """Raise Unsupported unless every sequence of the batch is as long as the input."""
    lengths = form.operand(4)
    if lengths is None:
        return
    if not isinstance(lengths, Const) or (lengths.data != steps).any():
        raise Unsupported(
            "its sequences may end at different steps (sequence_lens); leave that input out and pad or cut them to one "
            "length"
        )


def _there(state: Value | None) -> Value:
    assert state is not None
    return state


def _axes(axis: int) -> Const:
    return Const(np.array([axis], np.int64))


def _number(value: float, x: Value) -> Const:
    return Const(np.array(value, x.type.dtype.numpy))


def _joined(values: list[Value], axis: int) -> Value:
    return Concat(tuple(values), axis=axis) if len(values) > 1 else values[0]
