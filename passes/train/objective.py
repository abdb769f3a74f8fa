"""The loss of a batch: what the teacher says, what the labels say, and how easy the weights are to remove."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from lissom.ir.errors import DataError, Error
from lissom.ir.values import Value
from lissom.passes.data import find_function
from lissom.passes.train import losses
from lissom.passes.train.batches import Samples
from lissom.passes.train.losses import Custom, Loss, Values
from lissom.passes.train.matching import Pair, inner_pairs, logits_of, output_pairs
from lissom.passes.train.network import Network


class Objective:
    """``(1 - hard) * (weighted terms against the teacher) + hard * (loss on labels)``.

    ``terms`` are weights by name of a loss, or by ``module:function``. ``hard`` None is one half where there are labels
    for all data and only the outputs are compared otherwise, 1 without terms, else 0.
    """

    def __init__(
        self,
        student: Network,
        teacher: Network | None,
        terms: Mapping[str, float],
        *,
        hard: float | None,
        labelled: bool,
        temperature: float = 4.0,
        layers: Mapping[str, str] | tuple[str, ...] | None = None,
        seed: int = 0,
    ) -> None:
        self.student, self.teacher = student, teacher
        outputs: list[Pair] = [] if teacher is None else output_pairs(student.graph, teacher.graph)
        self.terms: list[tuple[float, Loss]] = []
        self.customs: list[tuple[float, Custom]] = []
        for name, weight in terms.items():
            if ":" in name:
                graph = None if teacher is None else teacher.graph
                self.customs.append((weight, Custom(name, find_function(name), student.graph, graph)))
            else:
                self.terms.append((weight, self._make(name, outputs, temperature, layers, seed)))
        if hard is None:
            local = any(term.cut for _, term in self.terms)
            hard = 1.0 if not terms else 0.5 if labelled and not self.customs and not local else 0.0
        if hard and not labelled:
            raise DataError(
                "there are no labels to train on: the data needs an array y"
                + ("" if terms else "; distill(...) trains on the teacher alone")
            )
        self.hard = hard
        self.cut = {v for _, term in self.terms for v in term.cut}
        self.output = student.graph.outputs[0]
        self.scores, self.axis = logits_of(self.output)
        self.wanted: set[Value] = {
            *student.graph.outputs,
            self.scores,
            *(a for _, term in self.terms for a, _ in term.pairs),
        }
        self.taught: set[Value] = {*(b for _, term in self.terms for _, b in term.pairs)}
        if teacher is not None:
            self.taught |= {*teacher.graph.outputs, logits_of(teacher.graph.outputs[0])[0]}

    def _make(
        self,
        name: str,
        outputs: list[Pair],
        temperature: float,
        layers: Mapping[str, str] | tuple[str, ...] | None,
        seed: int,
    ) -> Loss:
        if self.teacher is None:
            raise Error(f"loss {name} needs a teacher")
        ours, theirs = self.student.graph, self.teacher.graph

        def pairs() -> list[Pair]:
            found = inner_pairs(ours, theirs, layers)
            return found if layers is not None else losses.default_pairs(name, found)

        return losses.make(name, pairs, outputs, temperature, seed, self.student.device)

    @property
    def parameters(self) -> list[torch.nn.Parameter]:
        """What the losses learn themselves."""
        return [p for _, term in self.terms for p in term.parameters]

    def __call__(
        self, samples: Samples, *, training: bool = False, dropout: bool = False
    ) -> tuple[torch.Tensor, dict[str, float]]:
        """The loss of a batch, and its figures: accuracy on labels, or agreement with the teacher."""
        ours = self.student.run(samples.feed, self.wanted, cut=self.cut, training=training, dropout=dropout)
        theirs = self._answers(samples)
        if samples.real is not None:
            ours, theirs = ({v: t[: samples.real] for v, t in values.items()} for values in (ours, theirs))
        parts = [weight * term(ours, theirs) for weight, term in self.terms]
        parts += [weight * custom.given(ours, theirs, samples.labels) for weight, custom in self.customs]
        total = (1 - self.hard) * torch.stack(parts).sum() if parts else torch.zeros((), device=self.student.device)
        labels = samples.labels
        if self.hard and labels is not None:
            if labels.is_floating_point():
                said = losses.squared_error(ours[self.output], labels)
            else:
                said = losses.cross_entropy(ours[self.scores], labels, self.axis)
            total = total + self.hard * said
        return total, self._figures(ours, theirs, labels)

    @torch.no_grad()
    def _answers(self, samples: Samples) -> Values:
        """What the teacher says: as the data has it, where that is all that is asked for, else by running it."""
        if self.teacher is None:
            return {}
        output = self.teacher.graph.outputs[0]
        scores, axis = logits_of(output)
        if samples.taught is None or not self.taught <= {output, scores}:
            return self.teacher.run(self._for_teacher(samples), self.taught)
        told = samples.taught
        return {output: told if output is scores else told.softmax(axis), scores: told}

    def _for_teacher(self, samples: Samples) -> dict[str, torch.Tensor]:
        """The inputs by the teacher's names for them, which may differ where it is another network."""
        assert self.teacher is not None
        names = [i.name for i in self.teacher.graph.inputs]
        if set(names) <= samples.feed.keys():
            return samples.feed
        if len(names) != len(samples.feed):
            raise Error(f"the teacher takes {', '.join(names)}, the student {', '.join(samples.feed)}")
        return dict(zip(names, samples.feed.values(), strict=True))

    def _figures(self, ours: Values, theirs: Values, labels: torch.Tensor | None) -> dict[str, float]:
        with torch.no_grad():
            scores = ours[self.scores]
            if labels is not None and not labels.is_floating_point():
                best = losses.by_class(scores, labels, self.axis).argmax(-1).flatten()
                return {"accuracy": float((best == labels.flatten()).double().mean())}
            if self.teacher is None or labels is not None or scores.ndim < 2:
                return {}
            told, axis = logits_of(self.teacher.graph.outputs[0])
            said, wanted = scores.argmax(self.axis), theirs[told].argmax(axis)
            return {"agreement": float((said == wanted).double().mean())} if said.shape == wanted.shape else {}
