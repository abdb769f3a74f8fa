"""Reads the text form of a graph that :mod:`lissom.ir.printer` writes."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping
from typing import Any, NoReturn

import numpy as np

from lissom.ir.dims import dim_from_ast
from lissom.ir.errors import Error, ParseError
from lissom.ir.graph import Graph, Stage
from lissom.ir.op import op_class
from lissom.ir.types import Array, DType, TensorType
from lissom.ir.values import Const, Loc, Value

_HEAD = re.compile(r"graph (?P<name>'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\") stage=(?P<stage>\w+) \{\Z")
_TOKEN = re.compile(
    r"""%(?P<quoted>"(?:\\.|[^"\\])*")
      | %(?P<plain>[\w./:$@+-]*[\w./$@+-])
      | (?P<string>b?'(?:\\.|[^'\\])*'|b?"(?:\\.|[^"\\])*")""",
    re.VERBOSE,
)
_TYPE = re.compile(r"(?P<dtype>\w+)\[(?P<shape>.*)\]\Z", re.DOTALL)
_LOC = re.compile(r"  @ (?P<loc>'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\")\Z")
_BRACKETING = re.compile(r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|[\[\](),]""")
_FLOATS = {"inf": float("inf"), "nan": float("nan")}


def parse_graph(text: str, weights: Mapping[str, Array] | None = None) -> Graph:
    """Build the graph that ``text`` describes; ``weights`` holds the constants the text leaves outside, by name.

    Raises ParseError with the line and a ``^`` where the text is not understood.
    """
    return _Parser(text, weights or {}).parse()


def parse_type(text: str) -> TensorType:
    """Read ``float32[N,3,2*H]``, ``int64[]``, ``float32[*]``."""
    match = _TYPE.match(text.strip())
    if not match or match["dtype"] not in DType.__members__:
        raise ParseError(f"not a tensor type: {text.strip()!r}; one looks like float32[N,3,224,224]")
    dtype, shape = DType[match["dtype"]], match["shape"].strip()
    if shape == "*":
        return TensorType(dtype, None)
    try:
        parsed = ast.parse(f"({shape},)" if shape else "()", mode="eval").body
    except SyntaxError:
        raise ParseError(f"not a shape: [{shape}]") from None
    assert isinstance(parsed, ast.Tuple)
    return TensorType(dtype, tuple(map(dim_from_ast, parsed.elts)))


class _Parser:
    def __init__(self, text: str, weights: Mapping[str, Array]) -> None:
        self.lines = text.splitlines()
        self.weights = weights
        self.values: dict[str, Value] = {}
        self.graph = Graph()
        self.line, self.number = "", 0

    def parse(self) -> Graph:
        outputs: list[tuple[str, Value]] = []
        closed = False
        for self.number, raw in enumerate(self.lines, 1):  # noqa: B020
            self.line = raw
            line = raw.strip()
            if not line:
                continue
            try:
                if self.number == 1 or not self.graph_started:
                    self.head(line)
                elif closed:
                    self.fail("text after the closing }")
                elif line == "}":
                    closed = True
                elif line.startswith("input "):
                    name, type = self.named_type(line[6:])
                    self.define(name, self.graph.input(name, parse_type(type)))
                elif line.startswith("const "):
                    self.const(line[6:])
                elif line.startswith("output "):
                    name_text, _, ref = line[7:].rpartition(" = ")
                    outputs.append((ast.literal_eval(name_text), self.value_of(ref)))
                else:
                    self.op(line)
            except ParseError as e:
                if str(e).startswith("line "):
                    raise
                self.fail(str(e))
            except (Error, TypeError, ValueError, SyntaxError) as e:
                self.fail(str(e))
        if not closed:
            self.fail("the text ends before the closing }")
        self.graph.set_outputs(outputs)
        return self.graph

    graph_started = False

    def head(self, line: str) -> None:
        match = _HEAD.match(line)
        if not match or match["stage"] not in Stage.__members__:
            self.fail("expected: graph 'name' stage=imported {")
        self.graph.name = ast.literal_eval(match["name"])
        self.graph.stage = Stage[match["stage"]]
        self.graph_started = True

    def const(self, text: str) -> None:
        name, rest = self.named_type(text)
        declared, has_data, data_text = rest.partition(" = ")
        type_text, trainable, _ = declared.partition(" trainable")
        type = parse_type(type_text)
        if has_data:
            data = np.array(self.literal(ast.parse(data_text, mode="eval").body), dtype=type.dtype.numpy)
            if type.static is None:
                self.fail(f"the constant's shape is not static: {type}")
            data = data.reshape(type.static)
        elif name in self.weights:
            data = self.weights[name]
        else:
            self.fail(f"the elements of %{name} are neither here nor in the weights given")
        value = Const(data, name, trainable=bool(trainable))
        if value.type != type:
            self.fail(f"%{name} is declared {type}, its data is {value.type}")
        self.define(name, value)

    def op(self, line: str) -> None:
        body, loc = self.split_loc(line)
        refs: list[Value | str] = []

        def placeholder(match: re.Match[str]) -> str:
            if match["string"] is not None:
                return match[0]
            refs.append(_name(match))
            return f"_v{len(refs) - 1}"

        code = _TOKEN.sub(placeholder, body)
        results, _, right = code.partition(" = ")
        call_text, colon, types_text = _split_type(right)
        if not re.fullmatch(r"_v\d+(, _v\d+)*", results) or not colon:
            self.fail("expected: %result = Op(%operand, attribute=...): type")
        call = ast.parse(call_text, mode="eval").body
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
            self.fail("expected an op: %result = Op(%operand, attribute=...): type")

        def read(node: ast.expr) -> Any:
            if isinstance(node, ast.Name) and node.id.startswith("_v"):
                name = str(refs[int(node.id[2:])])
                if name not in self.values:
                    self.fail(f"%{name} is not defined above")
                return self.values[name]
            if isinstance(node, ast.Tuple):
                return tuple(map(read, node.elts))
            return self.literal(node)

        op = op_class(call.func.id)(*map(read, call.args), **{k.arg: read(k.value) for k in call.keywords if k.arg})
        names = [str(refs[int(r.strip()[2:])]) for r in results.split(",")]
        types = [parse_type(t) for t in _split_top(types_text)]
        if len(types) == len(op.results):
            for r, t in zip(op.results, types, strict=True):
                r.type = t  # a size that only data decide keeps the symbol the text gives it
            op._infer()
        if len(names) != len(op.results) or [r.type for r in op.results] != types:
            self.fail(f"declared {', '.join(map(str, types))}; inferred {', '.join(str(r.type) for r in op.results)}")
        op.named(names[0], loc or Loc("text", f"line {self.number}"))
        self.graph.append(op)
        for name, r in zip(names, op.results, strict=True):
            r.name = name
            self.define(name, r)

    def split_loc(self, line: str) -> tuple[str, Loc | None]:
        match = _LOC.search(line)
        if not match:
            return line, None
        source, _, where = str(ast.literal_eval(match["loc"])).partition(" ")
        return line[: match.start()], Loc(source, where)

    def named_type(self, text: str) -> tuple[str, str]:
        match = _TOKEN.match(text)
        if not match or match["string"] is not None or not text[match.end() :].startswith(": "):
            self.fail("expected: %name: type")
        return _name(match), text[match.end() + 2 :]

    def value_of(self, ref: str) -> Value:
        name, _ = self.named_type(ref + ": ")
        if name not in self.values:
            self.fail(f"%{name} is not defined above")
        return self.values[name]

    def define(self, name: str, value: Value) -> None:
        if name in self.values:
            self.fail(f"%{name} is defined twice")
        self.values[name] = value

    def literal(self, node: ast.expr) -> Any:
        match node:
            case ast.Constant(value):
                return value
            case ast.UnaryOp(ast.USub(), operand):
                return -self.literal(operand)
            case ast.Tuple(elts):
                return tuple(map(self.literal, elts))
            case ast.List(elts):
                return [self.literal(e) for e in elts]
            case ast.Name(name) if name in _FLOATS:
                return _FLOATS[name]
            case ast.Name(name) if name in DType.__members__:
                return DType[name]
            case ast.Subscript(ast.Name(name), shape) if name in DType.__members__:
                if isinstance(shape, ast.Constant) and shape.value is ...:
                    return TensorType(DType[name], None)
                sizes = shape.elts if isinstance(shape, ast.Tuple) else [shape]
                return TensorType(DType[name], tuple(map(dim_from_ast, sizes)))
        self.fail(f"not a literal: {ast.unparse(node)}")

    def fail(self, message: str) -> NoReturn:
        indent = len(self.line) - len(self.line.lstrip())
        raise ParseError(f"line {self.number}: {message}\n{self.line}\n{' ' * indent}^")


def _name(reference: re.Match[str]) -> str:
    return str(json.loads(reference["quoted"])) if reference["quoted"] is not None else reference["plain"]


def _split_type(text: str) -> tuple[str, str, str]:
    """Split ``Op(...): types`` at the colon after the closing parenthesis of the call."""
    depth, quote, i = 0, "", 0
    while i < len(text):
        ch = text[i]
        if quote:
            if ch == "\\":
                i += 1
            elif ch == quote:
                quote = ""
        elif ch in "'\"":
            quote = ch
        elif ch in "([":
            depth += 1
        elif ch in ")]":
            depth -= 1
        elif ch == ":" and depth == 0:
            return text[:i], ":", text[i + 1 :]
        i += 1
    return text, "", ""


def _split_top(text: str) -> list[str]:
    """Split at commas outside brackets and quotes."""
    parts, depth, start = [], 0, 0
    for token in _BRACKETING.finditer(text):
        if token[0] in "[(":
            depth += 1
        elif token[0] in "])":
            depth -= 1
        elif token[0] == "," and depth == 0:
            parts.append(text[start : token.start()])
            start = token.end()
    return [*parts, text[start:]]
