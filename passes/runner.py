"""Runs a pipeline: each pass on a copy, verified, checked against the graph before it, and reported."""

from __future__ import annotations

import difflib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal, overload

from lissom.ir.errors import CheckFailed, Error
from lissom.ir.graph import Graph
from lissom.ir.printer import print_around, print_graph
from lissom.ir.verify import verify
from lissom.passes.check import (
    Measured,
    compare_outputs,
    decided_error,
    first_difference,
    grid_noise,
    measure,
    rounding_noise,
    run_on,
)
from lissom.passes.data import Data, Source
from lissom.passes.graph_pass import Context, Kind, Step
from lissom.passes.notes import collecting
from lissom.passes.order import expanded
from lissom.passes.pipeline import Pipeline, steps_of
from lissom.passes.report import Report, Row, Size
from lissom.passes.repro import write_repro

PrintIr = Literal["after", "diff"]


@overload
def run(
    pipeline: Pipeline,
    graph: Graph,
    *,
    data: Source | Data | None = ...,
    report: Literal[False] = ...,
    check: bool = ...,
    print_ir: PrintIr | None = ...,
    repro_dir: str | Path | None = ...,
    seed: int = ...,
    target: str | None = ...,
    progress: Callable[[Row], None] | None = ...,
    clock: Callable[[Graph], float] | None = ...,
) -> Graph: ...


@overload
def run(
    pipeline: Pipeline,
    graph: Graph,
    *,
    report: Literal[True],
    data: Source | Data | None = ...,
    check: bool = ...,
    print_ir: PrintIr | None = ...,
    repro_dir: str | Path | None = ...,
    seed: int = ...,
    target: str | None = ...,
    progress: Callable[[Row], None] | None = ...,
    clock: Callable[[Graph], float] | None = ...,
) -> tuple[Graph, Report]: ...


def run(
    pipeline: Pipeline,
    graph: Graph,
    *,
    data: Source | Data | None = None,
    report: bool = False,
    check: bool = True,
    print_ir: PrintIr | None = None,
    repro_dir: str | Path | None = None,
    seed: int = 0,
    target: str | None = None,
    progress: Callable[[Row], None] | None = None,
    clock: Callable[[Graph], float] | None = None,
) -> Graph | tuple[Graph, Report]:
    """The graph that the passes of ``pipeline`` make of ``graph``, which itself stays as it is.

    After every pass the graph is verified and, with ``check``, run beside the one before it on the first samples of
    ``data``, or on random inputs: an exact or realize pass must give the same outputs, up to rounding, for a decide
    pass the error is reported.

    ``report=True`` also returns the table; ``progress`` is called with each row as soon as it is there. ``print_ir``
    prints the graph after each pass, or what changed. ``repro_dir`` names the folder that a failing pass leaves (see
    :mod:`lissom.passes.repro`). ``target``, ``seed`` and ``graph`` as it came go to the passes that ask for them,
    and so does ``clock``, which returns the milliseconds a graph takes (:func:`lissom.clock.c_clock`).

    Raises ParseError for pipeline text that is not understood, Error for passes in an order that cannot work
    (:mod:`lissom.passes.order`), DataError for data that does not fit, VerifyError or CheckFailed when a pass breaks
    the graph or its promise, and what the passes raise.
    """
    fed = None if data is None else Data(data, graph)
    context = Context(fed, target, seed, graph, clock)
    steps = expanded(steps_of(pipeline), context)
    table = Report()
    size = Size.of(graph)
    now = graph.clone()
    measured = measure(now, fed, seed) if check and steps else None
    for step in steps:
        before, was = now, measured
        now = before.clone()
        try:
            started = time.perf_counter()
            with collecting() as tables:
                step.run(now, context)
            seconds = time.perf_counter() - started
            verify(now)
            verdict, error = "off", None
            if was is not None:
                measured = run_on(now, was.feed) if not was.reason else was
                verdict, error = _check(step, before, was, now, measured)
        except Exception as e:
            if repro_dir is not None:
                folder = Path(repro_dir)
                write_repro(folder, before, str(step), e, was.feed if was else {}, seed=seed, target=target)
                if isinstance(e, Error):
                    raise type(e)(f"{e}\nto see it again: python -m lissom.passes.repro {folder}") from e
            raise
        size, old = Size.of(now), size
        table.rows.append(Row(str(step), seconds, old, size, verdict, error, tables))
        if print_ir is not None:
            print(print_graph(now) if print_ir == "after" else ir_diff(before, now, str(step)))
        if progress is not None:
            progress(table.rows[-1])
    return (now, table) if report else now


def _check(step: Step, before: Graph, was: Measured, after: Graph, now: Measured) -> tuple[str, float | None]:
    """The check column and the error; raises CheckFailed when the pass did not keep its promise."""
    if was.reason or now.reason:
        return f"not checked: {(was.reason or now.reason).splitlines()[0]}", None
    if step.of.kind is Kind.decide:
        error = decided_error(was, now)
        return f"error {error:.1e}", error
    verdict = compare_outputs(was, now, after, step.of.comparison)
    if not verdict.agrees:
        unavoidable = rounding_noise if step.of.kind is Kind.exact else grid_noise
        verdict = compare_outputs(was, now, after, step.of.comparison, unavoidable(before, was))
    if verdict.agrees:
        return f"equal ({verdict.error:.0e})" if verdict.error else "equal", verdict.error
    message = f"pass {step} is {step.of.kind.value}, but the graph computes something else after it: {verdict.text}"
    culprit = first_difference(before, after, was.feed, step.of.comparison)
    if culprit is None:
        raise CheckFailed(f"{message}; no single op has a counterpart to compare it with")
    where = print_around(after, culprit, "the first value that differs")
    raise CheckFailed(f"{message}; the first op that differs is {culprit.describe()}\n{where}")


def ir_diff(before: Graph, after: Graph, title: str = "") -> str:
    """What changed between two graphs, as a unified diff of their text."""
    a, b = print_graph(before).splitlines(), print_graph(after).splitlines()
    return "\n".join(difflib.unified_diff(a, b, f"before {title}", f"after {title}", lineterm="", n=2))
