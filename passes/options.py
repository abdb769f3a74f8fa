"""The options of a pass: what its signature and docstring declare, and the check of a value against it."""

from __future__ import annotations

import difflib
import inspect
import re
import types
import typing
from collections.abc import Callable, Collection
from dataclasses import MISSING, dataclass, fields, is_dataclass
from enum import Enum
from typing import Any, Literal, Union

from lissom.ir.errors import Error

REQUIRED = inspect.Parameter.empty
WORDS: dict[str, Any] = {"true": True, "false": False, "none": None}
"""Words of pipeline text that stand for something else than themselves, where the option's type has it."""


@dataclass(frozen=True)
class Call:
    """``until(macs=0.5)`` in pipeline text: a value for an option whose type is a dataclass of that name."""

    name: str
    values: dict[str, Any]


class Function(str):
    """The type of an option that names a function of the user's, ``module:function``."""


class Options:
    """Base of a dataclass whose fields are options of several passes: a keyword of that type stands for them all.

    Every field has a default, and a ``name: text`` line in the docstring of the dataclass.
    """


@dataclass(frozen=True)
class Option:
    """One keyword of a pass."""

    name: str
    hint: Any
    default: Any
    doc: str

    @property
    def required(self) -> bool:
        return self.default is REQUIRED

    def __str__(self) -> str:
        return f"{self.name}: {hint_text(self.hint)}" + ("" if self.required else f" = {value_text(self.default)}")

    def accept(self, value: Any) -> Any:
        """The value as the declared type; raises Error, saying what is expected."""
        fits, fitted = _fit(self.hint, value)
        if fits:
            return fitted
        hint = hint_text(self.hint)
        near = closest(value, hint.split(" | ")) if isinstance(value, str) else ""
        raise Error(f"option {self.name!r} is {hint}, got {value_text(value)}{near}")


def options_of(function: Callable[..., Any], skip: Collection[str]) -> tuple[Option, ...]:
    """The keyword-only parameters of ``function`` but those in ``skip``, with the ``name: text`` of its docstring.

    One whose type is a class of :class:`Options` gives its fields, which are keyword-only parameters of the class.
    """
    hints = typing.get_type_hints(function)
    docs = _documented(inspect.getdoc(function) or "")
    bundles = bundles_of(function)
    options: list[Option] = []
    for p in inspect.signature(function).parameters.values():
        if p.kind is not p.KEYWORD_ONLY or p.name in skip:
            continue
        if p.name in bundles:
            options += options_of(bundles[p.name], skip=())
            continue
        if p.name not in hints or p.name not in docs:
            missing = "type" if p.name not in hints else f"line '{p.name}: what it does' in the docstring"
            raise Error(f"option {p.name!r} of pass {function.__name__!r} has no {missing}")
        options.append(Option(p.name, hints[p.name], p.default, docs[p.name]))
    return tuple(options)


def bundles_of(function: Callable[..., Any]) -> dict[str, type[Options]]:
    """The keywords of ``function`` that stand for several options (:class:`Options`), with their classes."""
    hints = typing.get_type_hints(function)
    return {n: h for n, h in hints.items() if inspect.isclass(h) and issubclass(h, Options)}


def _documented(doc: str) -> dict[str, str]:
    """``name: text`` paragraphs, which may go on in indented lines."""
    found = re.finditer(r"^(\w+): (.*(?:\n[ \t]+\S.*)*)", doc, re.MULTILINE)
    return {m[1]: " ".join(m[2].split()) for m in found}


def hint_text(hint: Any) -> str:
    """A type as help shows it: ``int``, ``channels | heads``, ``float | none``."""
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if origin is Literal:
        return " | ".join(map(value_text, parts))
    if origin in (Union, types.UnionType):
        return " | ".join(map(hint_text, parts))
    if origin in (tuple, list):
        return f"list of {hint_text(parts[0])}"
    if origin is dict:
        return f"{{name: {hint_text(parts[1])}}}"
    if is_dataclass(hint):
        return f"{_call_name(hint)}({', '.join(f.name for f in fields(hint))})"
    if inspect.isclass(hint) and issubclass(hint, Enum):
        return " | ".join(m.name for m in hint)
    if hint is Function:
        return "'module:function'"
    return "none" if hint in (None, types.NoneType) else getattr(hint, "__name__", str(hint))


def value_text(value: Any) -> str:
    """A value as pipeline text spells it."""
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(value_text, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{k!r}: {value_text(v)}' for k, v in value.items())}}}"
    if isinstance(value, Call):
        return _call_text(value.name, value.values)
    if is_dataclass(value):
        given = {f.name: getattr(value, f.name) for f in fields(value) if getattr(value, f.name) != f.default}
        return _call_text(_call_name(type(value)), given)
    if isinstance(value, str):
        return value if value.isidentifier() and value not in WORDS else repr(value)
    return repr(value)


def _call_name(hint: Any) -> str:
    return str(hint.__name__).lower()


def _call_text(name: str, values: dict[str, Any]) -> str:
    return f"{name}({', '.join(f'{k}={value_text(v)}' for k, v in values.items())})"


def closest(word: str, known: Collection[str]) -> str:
    """``; did you mean ...?`` for a misspelled word, else an empty text."""
    near = difflib.get_close_matches(word, known, 1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _fit(hint: Any, value: Any) -> tuple[bool, Any]:
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if origin is Literal:
        return next(((True, p) for p in parts if p == value and type(p) is type(value)), (False, value))
    if origin in (Union, types.UnionType):
        return next((fit for p in parts if (fit := _fit(p, value))[0]), (False, value))
    if origin in (tuple, list):
        items = value if isinstance(value, tuple | list) else (value,)
        fitted = [_fit(parts[0], v) for v in items]
        return all(f for f, _ in fitted), origin(v for _, v in fitted)
    if origin is dict:
        given = value.items() if isinstance(value, dict) else ()
        pairs = [(_fit(parts[0], k), _fit(parts[1], v)) for k, v in given]
        fits = isinstance(value, dict) and all(k[0] and v[0] for k, v in pairs)
        return fits, {k[1]: v[1] for k, v in pairs} if fits else value
    if is_dataclass(hint):
        return _fit_call(hint, value) if isinstance(value, Call) else (isinstance(value, hint), value)  # type: ignore[arg-type]
    if inspect.isclass(hint) and issubclass(hint, Enum):
        if isinstance(value, str) and value in hint.__members__:
            return True, hint[value]
        return isinstance(value, hint), value
    if hint in (bool, None, types.NoneType):
        value = WORDS.get(value.lower(), value) if isinstance(value, str) else value
        return isinstance(value, bool) if hint is bool else value is None, value
    if hint is Function:
        return isinstance(value, str) and all(value.partition(":")), value
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return True, float(value)
    if hint is int and isinstance(value, bool):
        return False, value
    return hint is Any or isinstance(value, hint), value


def _fit_call(hint: Any, call: Call) -> tuple[bool, Any]:
    """The dataclass that a call of its name stands for."""
    if call.name != _call_name(hint):
        return False, call
    hints = typing.get_type_hints(hint)
    known = {f.name: f for f in fields(hint)}
    given: dict[str, Any] = {}
    for name, value in call.values.items():
        if name not in known:
            raise Error(f"{call.name}(...) takes {', '.join(known)}, got {name!r}{closest(name, list(known))}")
        fits, given[name] = _fit(hints[name], value)
        if not fits:
            raise Error(f"{name!r} of {call.name}(...) is {hint_text(hints[name])}, got {value_text(value)}")
    missing = [n for n, f in known.items() if n not in given and f.default is MISSING and f.default_factory is MISSING]
    if missing:
        raise Error(f"{call.name}(...) needs {', '.join(missing)}")
    return True, hint(**given)
