"""Results that nobody reads are not computed."""

from __future__ import annotations

from lissom.ir.op import Op
from lissom.ir.values import Value
from lissom.passes.rule import Rule, is_used, rule


@rule
def unused_results(op: Op) -> Value | tuple[Value, ...] | None:
    """An op whose last results are optional and unused  =>  the same without them."""
    declared = getattr(op, "results_used", 1)
    if declared == 1:
        return None
    used = [i for i, r in enumerate(op.results, 1) if is_used(r)]
    if not used or used[-1] == declared:
        return None
    fewer = op.replace(results_used=used[-1])
    return (*fewer.results, *op.results[used[-1] :])


RULES: tuple[Rule, ...] = (unused_results,)
