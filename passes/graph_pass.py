"""The declaration of a pass: one typed function serves Python, pipeline text, command-line help and docs.

    @graph_pass(Kind.exact)
    def fold(graph: Graph, *, merge: bool = True) -> None:
        '''Compute what can be computed now.

        merge: whether equal ops are merged.
        '''

The function changes the graph it is given, through the graph's own door. What stands after ``*`` are the options, in
the order pipeline text takes them; options that several passes share are the fields of a dataclass derived from
:class:`~lissom.passes.options.Options`, and one keyword of that type stands for all of them. ``data``, ``target``,
``seed`` and ``teacher``, the graph the run began with, are no options: a pass that declares one of them gets the run's.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeAlias

from lissom.ir.errors import Error
from lissom.ir.graph import Graph, Stage
from lissom.ir.verify import DECISIONS
from lissom.passes.compare import Comparison, close
from lissom.passes.data import Data
from lissom.passes.options import Option, bundles_of, closest, options_of, value_text

CONTEXT = ("data", "target", "seed", "teacher", "clock")


class Kind(Enum):
    """What a pass promises about the numbers."""

    exact = "exact"
    """The graph computes the same as before, up to rounding."""
    decide = "decide"
    """Numbers may change; shapes and representation stay. Leaves the graph ``decided``."""
    realize = "realize"
    """Representation changes; the graph computes the same as the decided one."""
    macro = "macro"
    """Stands for several steps."""


class State(Enum):
    """What a graph has until some pass ends it, and what other passes need."""

    floats = "float weights"
    gridless = "weights without grids"
    maskless = "weights without masks"
    codeless = "weights without codes"


States: TypeAlias = Collection[State] | Callable[[dict[str, Any]], Collection[State]]
"""States, or a function that gives them for the options of a step."""


@dataclass(frozen=True)
class Context:
    """What a run offers its passes."""

    data: Data | None = None
    target: str | None = None
    seed: int = 0
    teacher: Graph | None = None
    """The graph as the run got it, which no pass may change."""
    clock: Callable[[Graph], float] | None = None
    """Milliseconds that a run of a graph takes on the target."""


class Pass:
    """A declared pass. Call it on a graph, or name it in pipeline text."""

    def __init__(
        self,
        function: Callable[..., Any],
        kind: Kind,
        comparison: Comparison,
        needs: Collection[State] = (),
        ends: States = (),
        gives: Collection[State] = (),
    ) -> None:
        self.function = function
        self.kind = kind
        self.comparison = comparison
        self.needs, self.ends, self.gives = needs, ends, gives
        self.name = function.__name__
        self.doc = inspect.getdoc(function) or ""
        self.summary = self.doc.split("\n", 1)[0]
        if not self.summary:
            raise Error(f"pass {self.name!r} has no docstring; its first line is what help shows")
        self.options: tuple[Option, ...] = options_of(function, CONTEXT)
        self.bundles = bundles_of(function)
        hints = typing.get_type_hints(function)
        self.wants = {name: hints.get(name) for name in inspect.signature(function).parameters if name in CONTEXT}

    def __call__(self, graph: Graph, **options: Any) -> None:
        """Run the pass on ``graph``, in place; what runs offer (``data``, ``seed``) may be given beside options."""
        context = {name: options.pop(name) for name in CONTEXT if name in options}
        if context.get("data") is not None and not isinstance(context["data"], Data):
            context["data"] = Data(context["data"], graph)
        for step in self.step(**options).expand():
            step.run(graph, Context(**context))

    def __str__(self) -> str:
        return f"{self.name}({', '.join(map(str, self.options))})"

    def step(self, *args: Any, **kwargs: Any) -> Step:
        """The pass with these options; raises Error for one that is unknown, missing or of the wrong type."""
        if len(args) > len(self.options):
            raise Error(f"pass {self.name!r} takes {len(self.options)} options, got {len(args)}; it is {self}")
        given = {o.name: a for o, a in zip(self.options, args, strict=False)}
        for name, value in kwargs.items():
            if name in given:
                raise Error(f"option {name!r} of pass {self.name!r} is given twice")
            given[name] = value
        accepted = {name: self.option(name).accept(value) for name, value in given.items()}
        for o in self.options:
            if o.required and o.name not in accepted:
                raise Error(f"pass {self.name!r} needs option {o.name!r} ({o.doc}); it is {self}")
            accepted.setdefault(o.name, o.default)
        step = Step(self, {o.name: accepted[o.name] for o in self.options})
        step.arguments()
        return step

    def option(self, name: str) -> Option:
        """The option called ``name``; raises Error, naming those there are."""
        for o in self.options:
            if o.name == name:
                return o
        near = closest(name, [o.name for o in self.options])
        raise Error(f"pass {self.name!r} has no option {name!r}{near}; it is {self}")


@dataclass(frozen=True)
class Step:
    """A pass with its options: one entry of a pipeline."""

    of: Pass
    options: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        """The step as pipeline text: options that differ from their defaults."""
        parts, positional = [], True
        for o in self.of.options:
            if not o.required and self.options[o.name] == o.default:
                positional = False
                continue
            text = value_text(self.options[o.name])
            parts.append(text if positional else f"{o.name}={text}")
        return f"{self.of.name}({', '.join(parts)})" if parts else self.of.name

    @property
    def ends(self) -> Collection[State]:
        """The states that the graph is not in any more after this step."""
        return self.of.ends(self.options) if callable(self.of.ends) else self.of.ends

    def arguments(self) -> dict[str, Any]:
        """The options as the function takes them; raises Error for values that a bundle of options refuses."""
        left = dict(self.options)
        bundles = {}
        for name, bundle in self.of.bundles.items():
            bundles[name] = bundle(**{o.name: left.pop(o.name) for o in options_of(bundle, ())})
        return left | bundles

    def expand(self) -> list[Step]:
        """The steps a macro stands for; for any other pass the step itself."""
        if self.of.kind is not Kind.macro:
            return [self]
        return [inner for step in self.of.function(**self.arguments()) for inner in step.expand()]

    def offered(self, context: Context) -> dict[str, Any]:
        """What the pass takes of the run. Raises Error when it needs what the run does not have."""
        offered = {name: getattr(context, name) for name in self.of.wants}
        for name, hint in self.of.wants.items():
            if offered[name] is None and type(None) not in typing.get_args(hint):
                hint_of_data = " (--data on the command line, data= in Python)" if name == "data" else ""
                raise Error(f"pass {self.of.name!r} needs {name}, and the run has none{hint_of_data}")
        return offered

    def run(self, graph: Graph, context: Context) -> None:
        """Change ``graph``. Raises Error when the pass needs what the run does not have."""
        self.of.function(graph, **self.arguments(), **self.offered(context))
        if self.of.kind is Kind.decide:
            graph.stage = Stage.decided
        elif self.of.kind is Kind.realize and not any(op.op_type in DECISIONS for op in graph.ops):
            graph.stage = Stage.realized


PASSES: dict[str, Pass] = {}
"""Every pass declared so far, by name. :mod:`lissom.passes.registry` also finds those not loaded yet."""


def graph_pass(
    kind: Kind,
    comparison: Comparison | None = None,
    *,
    needs: Collection[State] = (),
    ends: States = (),
    gives: Collection[State] = (),
) -> Callable[[Callable[..., None]], Pass]:
    """Declare a pass. ``comparison`` judges the outputs of an exact or realize pass (default: 1e-5 of their range).

    A pipeline in which a pass ``needs`` a state that one before it ``ends``, and none in between ``gives`` again, is
    refused before it runs.
    """

    def declare(function: Callable[..., None]) -> Pass:
        return _register(Pass(function, kind, comparison or close(), needs, ends, gives))

    return declare


def macro_pass(function: Callable[..., Iterable[Step]]) -> Pass:
    """Declare a pass that stands for several: a function of its options only, which returns their steps."""
    return _register(Pass(function, Kind.macro, close()))


def _register(declared: Pass) -> Pass:
    old = PASSES.get(declared.name)
    if old is not None and _origin(old) != _origin(declared):
        raise Error(f"two passes are called {declared.name!r}: {_origin(old)} and {_origin(declared)}")
    PASSES[declared.name] = declared
    return declared


def _origin(declared: Pass) -> str:
    return f"{declared.function.__module__}.{declared.function.__qualname__}"
