"""All criteria by name. A criterion gives a score to every unit; the lowest go first.

To add one, write a function from :class:`~lissom.passes.prune.evidence.Evidence` to scores, with its reference, and
name it here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from lissom.ir.errors import Error
from lissom.passes.prune import activity, discrimination, loss, magnitude, reconstruction
from lissom.passes.prune.evidence import Evidence, Scores

Name = Literal[
    "l1",
    "l2",
    "bn_scale",
    "geometric_median",
    "random",
    "apoz",
    "activation",
    "taylor",
    "thinet",
    "lasso",
    "surgeon",
    "dcp",
]


@dataclass(frozen=True)
class Criterion:
    """What makes a unit important. ``comparable``: scores of different layers mean the same as they are."""

    function: Callable[[Evidence], Scores]
    needs: Literal["nothing", "data", "labels"] = "nothing"
    comparable: bool = False

    def __call__(self, evidence: Evidence) -> Scores:
        """The score of every unit; raises Error where the criterion needs data, or labels, that there are not."""
        if self.needs != "nothing" and evidence.data is None:
            raise Error(
                f"criterion {self.function.__name__} needs data, and the run has none "
                "(--data on the command line, data= in Python)"
            )
        return self.function(evidence)


CRITERIA: dict[str, Criterion] = {
    "l1": Criterion(magnitude.l1),
    "l2": Criterion(magnitude.l2),
    "bn_scale": Criterion(magnitude.bn_scale),
    "geometric_median": Criterion(magnitude.geometric_median),
    "random": Criterion(magnitude.at_random),
    "apoz": Criterion(activity.apoz, "data"),
    "activation": Criterion(activity.activation, "data"),
    "taylor": Criterion(loss.taylor, "data", comparable=True),
    "thinet": Criterion(reconstruction.thinet, "data", comparable=True),
    "lasso": Criterion(reconstruction.lasso, "data", comparable=True),
    "dcp": Criterion(discrimination.dcp, "labels"),
    "surgeon": Criterion(reconstruction.surgeon, "data", comparable=True),
}
