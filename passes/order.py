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
        parts = step.expand()
        for i, part in enumerate(parts):
            for state in part.of.needs:
                if state in ended:
                    raise Error(_refusal(step, parts[i:], state, ended[state]))
            part.offered(context)
            ended = {state: by for state, by in ended.items() if state not in part.of.gives}
            ended |= {state: step for state in part.ends if state not in ended}
            inner.append(part)
    return inner


def _refusal(step: Step, parts: list[Step], state: State, by: Step) -> str:
    """Why ``step`` is refused, whose ``parts`` from the one that needs the state on are left, and what to do."""
    needy, *rest = parts
    who = "it" if needy is step else needy.of.name
    advice = "put it before"
    if rest and needy.of is by.of:
        advice = f"that is done, so go on with {', '.join(map(str, rest))} instead"
    return f"{step} cannot come after {by}, which leaves no {state.value}, as {who} needs; {advice}"
