"""Which steps may follow which: a pipeline that cannot work is refused before any of it is done."""

from __future__ import annotations

from collections.abc import Iterable

from lissom.ir.errors import Error
from lissom.passes.graph_pass import Context, State, Step


def expanded(steps: Iterable[Step], context: Context) -> list[Step]:
    """The steps, with macros replaced by what they stand for.

    Raises Error where a step needs a state of the graph that one before it has ended, or what the run does not have.
    """
    inner: list[Step] = []
    ended: dict[State, Step] = {}
    for step in steps:
        for part in step.expand():
            for state in part.of.needs:
                if state in ended:
                    raise Error(_refusal(step, part, state, ended[state]))
            part.offered(context)
            ended = {state: by for state, by in ended.items() if state not in part.of.gives}
            ended |= {state: step for state in part.ends if state not in ended}
            inner.append(part)
    return inner


def _refusal(step: Step, part: Step, state: State, by: Step) -> str:
    who = "it" if part is step else part.of.name
    return f"{step} cannot come after {by}, which leaves no {state.value}, as {who} needs; put it before"
