"""The base class of all ops: typed fields are the schema.

A subclass declares its operands and attributes as annotated fields, like a dataclass. A field annotated ``Value``,
``Value | None``, ``tuple[Value, ...]`` or ``tuple[Value | None, ...]`` is an operand, every other one an attribute.
See ``docs/add-an-op.md``.
"""

from __future__ import annotations

import inspect
import math
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from typing_extensions import Self, dataclass_transform

from lissom.ir.cost import Cost
from lissom.ir.errors import Error, TypeMismatch
from lissom.ir.types import Array, DType, TensorType
from lissom.ir.values import Const, Loc, Result, Value

if TYPE_CHECKING:
    from lissom.ir.channels.atoms import Layout
    from lissom.ir.channels.flow import Flow
    from lissom.ir.channels.kept import Kept

_REQUIRED = inspect.Parameter.empty
_UNTYPED = TensorType(DType.unknown, None)


class Kind(Enum):
    """What a field holds."""

    operand = "operand"
    optional = "optional operand"
    variadic = "any number of operands"
    attribute = "attribute"


@dataclass(frozen=True)
class Field:
    """One entry of an op's schema."""

    name: str
    kind: Kind
    hint: Any
    default: Any = _REQUIRED

    @property
    def required(self) -> bool:
        return self.default is _REQUIRED


OPS: dict[str, type[Op]] = {}
"""Every op class by its name, which is its ONNX name where ONNX has it."""


@dataclass_transform(frozen_default=True)
class Op(Value):
    """An operation; as a value, its first result.

    Fields never change after construction: build a changed copy with :meth:`replace` and hand it to
    :meth:`Graph.replace <lissom.ir.graph.Graph.replace>`. Subclasses define

    - ``infer(self)``: the result type, or a tuple of them; raises :class:`TypeMismatch` with expected and got;
    - ``run(self, *operands)``: the op's one meaning, on torch tensors in field order, ``None`` for an absent optional
      operand and a tuple for a variadic field; a tensor, or a tuple of them for several results;
    - ``complete(self)`` where defaults depend on operands;
    - ``macs(self)`` where there are multiply-accumulates to count;
    - ``fold_contents(self)`` where integer results follow from shapes;
    - ``channels(self, flow)`` and, where sizes stand in its fields, ``resized(self, operands, kept)``, so that channels
      can be removed around it;
    - ``samples()``: three to eight small instances, which feed the tests that every op passes.
    """

    fields: ClassVar[tuple[Field, ...]] = ()
    abstract: ClassVar[bool] = True
    domain: ClassVar[str] = ""
    """The ONNX domain; ``lissom`` for ops ONNX does not have."""
    frozen: ClassVar[str] = "it is not known how channels go through it"
    """Why what it reads keeps its channels; not looked at where there is a ``channels`` of its own."""

    if TYPE_CHECKING:
        run: Callable[..., Any]

    def __init_subclass__(cls, abstract: bool = False) -> None:
        own = inspect.get_annotations(cls, eval_str=True)
        merged = {f.name: f for base in reversed(cls.__mro__[1:]) for f in base.__dict__.get("fields", ())}
        for name, hint in own.items():
            if typing.get_origin(hint) is ClassVar:  # type: ignore[comparison-overlap]
                continue
            merged[name] = Field(name, _kind(hint), hint, cls.__dict__.get(name, _REQUIRED))
        cls.fields = tuple(merged.values())
        cls.__match_args__ = tuple(merged)  # type: ignore[attr-defined, misc]
        cls.abstract = abstract
        if not abstract:
            OPS[cls.__name__] = cls

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        cls = type(self)
        if len(args) > len(cls.fields):
            raise TypeError(f"{cls.__name__} takes {len(cls.fields)} fields, got {len(args)}")
        given = dict(zip(cls.__match_args__, args, strict=False))  # type: ignore[attr-defined]
        for name, value in kwargs.items():
            if name in given or name not in cls.__match_args__:  # type: ignore[attr-defined]
                raise TypeError(
                    f"{cls.__name__} got {'two values for' if name in given else 'an unknown'} field {name!r}"
                )
            given[name] = value
        for f in cls.fields:
            if f.name not in given:
                if f.required:
                    raise TypeError(f"{cls.__name__} needs a value for field {f.name!r}")
                given[f.name] = f.default
        super().__init__(_UNTYPED)
        for f in cls.fields:
            object.__setattr__(self, f.name, _coerce(cls, f, given[f.name]))
        for name, value in self.complete().items():
            object.__setattr__(self, name, value)
        self._results: tuple[Value, ...] = (self,)
        self._order = 0
        self._prev: Op | None = None
        self._next: Op | None = None
        self._infer()

    def __setattr__(self, name: str, value: Any) -> None:
        if name in type(self).__match_args__:  # type: ignore[attr-defined]
            raise AttributeError(
                f"{self.op_type}.{name} cannot be assigned; use op.replace({name}=...) and graph.replace(op, new)"
            )
        object.__setattr__(self, name, value)

    # ---- what subclasses define

    def infer(self) -> TensorType | tuple[TensorType, ...]:
        """The type of the result, or of each of several results."""
        raise NotImplementedError(f"{type(self).__name__}.infer")

    def complete(self) -> dict[str, Any]:
        """Values for attributes whose default depends on the operands, such as one stride for each spatial axis."""
        return {}

    def macs(self) -> int:
        """Multiply-accumulates of one run."""
        return 0

    def fold_contents(self) -> Array | None:
        """Elements of the result as an object array of dims, where they follow from shapes and constants."""
        return None

    def channels(self, flow: Flow) -> Layout | tuple[Layout, ...]:
        """The layout of the result, or of each result, and what the op asks of its operands' channels."""
        return flow.opaque(self, self.frozen)

    def resized(self, operands: Mapping[Value, Value], kept: Kept) -> Op:
        """The op on smaller operands, detached. Ops whose attributes or constants hold sizes change them here."""
        return self._on(operands)

    @staticmethod
    def samples() -> Iterable[Op]:
        """Small instances for the generic tests, built on detached inputs and constants."""
        return ()

    # ---- what every op offers

    @property
    def op_type(self) -> str:
        """The op's name in IR text and in ONNX."""
        return type(self).__name__

    @property
    def results(self) -> tuple[Value, ...]:
        """The op itself, then its further results."""
        return self._results

    @property
    def operands(self) -> tuple[Value, ...]:
        """All values the op reads, in field order, absent ones left out; a value read twice appears twice."""
        return tuple(self._iterate_operands())

    def _iterate_operands(self) -> Iterator[Value]:
        for f in type(self).fields:
            if f.kind is Kind.attribute:
                continue
            held = getattr(self, f.name)
            if f.kind is Kind.variadic:
                yield from (v for v in held if v is not None)
            elif held is not None:
                yield held

    @property
    def attributes(self) -> dict[str, Any]:
        """Attribute fields by name."""
        return {f.name: getattr(self, f.name) for f in type(self).fields if f.kind is Kind.attribute}

    @property
    def contents(self) -> Array | None:
        return self._contents

    def cost(self) -> Cost:
        """MACs, parameters and bytes moved; each distinct operand is read once."""
        operands = list(dict.fromkeys(self._iterate_operands()))
        known = [v for v in operands if v.type.shape is not None]
        return Cost(
            macs=self.macs(),
            params=sum(v.data.size for v in operands if isinstance(v, Const)),
            read=sum(v.type.nbytes() for v in known),
            written=sum(r.type.nbytes() for r in self._results if r.type.shape is not None),
        )

    def named(self, name: str, loc: Loc | None = None) -> Self:
        """This op with a name hint and, where given, a location; for ops under construction."""
        self.name = name
        self.loc = loc or self.loc
        for r in self._results[1:]:
            r.name, r.loc = f"{name}.{r.index}" if isinstance(r, Result) else name, self.loc
        return self

    def replace(self, **changes: Any) -> Self:
        """A detached copy with some fields changed. It inherits name and loc.

        An array given for an operand becomes a constant, with name, loc and trainability of the constant it replaces.
        """
        held = {f.name: getattr(self, f.name) for f in type(self).fields}
        for name, value in changes.items():
            if name not in held:
                raise TypeError(f"{self.op_type} has no field {name!r}")
            if isinstance(value, np.ndarray) and self._field(name).kind is not Kind.attribute:
                old = held[name]
                value = old.replace(value) if isinstance(old, Const) else Const(value, f"{self.name}.{name}")
            held[name] = value
        return type(self)(**held).named(self.name, self.loc)

    def _on(self, operands: Mapping[Value, Value], **changes: Any) -> Self:
        """The op made anew on other operands, with some fields changed."""
        held: dict[str, Any] = {}
        for f in type(self).fields:
            value = getattr(self, f.name)
            if f.kind is Kind.variadic:
                value = tuple(None if v is None else operands[v] for v in value)
            elif f.kind is not Kind.attribute and value is not None:
                value = operands[value]
            held[f.name] = value
        return type(self)(**{**held, **changes}).named(self.name, self.loc)

    def require(self, condition: bool, expected: str, got: object) -> None:
        """Raise TypeMismatch, naming this op and where it comes from, unless ``condition`` holds."""
        if not condition:
            raise TypeMismatch(f"{self.describe()}: expected {expected}, got {got}")

    def describe(self) -> str:
        """``Conv 'conv1' (onnx node 'conv1')``: for messages."""
        name = f" {self.name!r}" if self.name else ""
        return f"{self.op_type}{name}" + (f" ({self.loc})" if self.loc else "")

    # ---- for the graph

    @classmethod
    def _field(cls, name: str) -> Field:
        return next(f for f in cls.fields if f.name == name)

    def _infer(self) -> None:
        inferred = self.infer()
        found = inferred if isinstance(inferred, tuple) else (inferred,)
        if len(self._results) != len(found):
            self._results = (self, *(Result(self, i, t) for i, t in enumerate(found) if i))
        for r, t in zip(self._results, found, strict=True):
            r.type = t
        contents = self.fold_contents()
        self._contents: Array | None = None if contents is None else np.asarray(contents, dtype=object)

    def _substitute(self, old: Value, new: Value) -> None:
        for f in type(self).fields:
            if f.kind is Kind.attribute:
                continue
            held = getattr(self, f.name)
            if f.kind is Kind.variadic:
                if any(v is old for v in held):
                    object.__setattr__(self, f.name, tuple(new if v is old else v for v in held))
            elif held is old:
                object.__setattr__(self, f.name, new)

    def _copy(self, operands: dict[Value, Value]) -> Self:
        """A detached copy that reads ``operands[v]`` for each operand ``v``; types are taken over, not inferred."""
        copy = object.__new__(type(self))
        Value.__init__(copy, self.type, self.name, self.loc, self.origin)
        for f in type(self).fields:
            held = getattr(self, f.name)
            if f.kind is Kind.variadic:
                held = tuple(v if v is None else operands[v] for v in held)
            elif f.kind is not Kind.attribute and held is not None:
                held = operands[held]
            object.__setattr__(copy, f.name, held)
        copy._results = (copy, *(Result(copy, i, r.type) for i, r in enumerate(self._results) if i))
        for mine, theirs in zip(self._results[1:], copy._results[1:], strict=True):
            theirs.name, theirs.loc, theirs.origin = mine.name, mine.loc, mine.origin
        copy._order, copy._prev, copy._next, copy._contents = 0, None, None, self._contents
        return copy


def _kind(hint: Any) -> Kind:
    if inspect.isclass(hint) and issubclass(hint, Value):
        return Kind.operand
    parts = typing.get_args(hint)
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return Kind.optional if any(_kind(p) is Kind.operand for p in parts) else Kind.attribute
    if typing.get_origin(hint) is tuple and parts and _kind(parts[0]) in (Kind.operand, Kind.optional):
        return Kind.variadic
    return Kind.attribute


def _coerce(cls: type[Op], f: Field, value: Any) -> Any:
    """``value`` as the field's declared type, or a TypeError that names the field."""
    match f.kind:
        case Kind.operand:
            fits = isinstance(value, Value)
        case Kind.optional:
            fits = value is None or isinstance(value, Value)
        case Kind.variadic:
            value = tuple(value)
            fits = all(v is None or isinstance(v, Value) for v in value)
        case Kind.attribute:
            value = _plain(value)
            fits, value = _fit(f.hint, value)
    if not fits:
        raise TypeError(f"{cls.__name__}.{f.name} is {getattr(f.hint, '__name__', f.hint)}, got {value!r}")
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    return tuple(map(_plain, value)) if isinstance(value, list | tuple) else value


def _fit(hint: Any, value: Any) -> tuple[bool, Any]:
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return True, value
    if origin in (typing.Union, types.UnionType):
        for part in parts:
            fits, fitted = _fit(part, value)
            if fits:
                return True, fitted
        return False, value
    if origin is typing.Literal:
        return value in parts, value
    if origin is tuple:
        if not isinstance(value, tuple):
            return False, value
        hints = [parts[0]] * len(value) if len(parts) == 2 and parts[1] is Ellipsis else list(parts)
        if len(hints) != len(value):
            return False, value
        fitted_parts = [_fit(h, v) for h, v in zip(hints, value, strict=True)]
        return all(f for f, _ in fitted_parts), tuple(v for _, v in fitted_parts)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return True, float(value)
    if hint is int and isinstance(value, float) and math.isfinite(value) and value == int(value):
        return False, value
    if hint is int and isinstance(value, bool):
        return False, value
    if hint is bool and isinstance(value, int):
        return value in (0, 1), bool(value)
    if hint is types.NoneType or hint is None:
        return value is None, value
    return isinstance(value, origin or hint), value


def op_class(name: str) -> type[Op]:
    """The op class called ``name``; raises Error, naming what is close, when there is none."""
    import difflib

    import lissom.ir.ops  # noqa: F401  # fills OPS

    if name not in OPS:
        close = difflib.get_close_matches(name, OPS, 3)
        raise Error(f"no op is called {name!r}" + (f"; did you mean {' or '.join(close)}?" if close else ""))
    return OPS[name]
