"""Pipeline text: what it means, and golden messages for what does not parse."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Literal

import pytest

from lissom.ir.errors import Error, ParseError
from lissom.ir.graph import Graph
from lissom.passes import graph_pass as declared
from lissom.passes.graph_pass import Context, Kind, Step, graph_pass, macro_pass
from lissom.passes.options import Options
from lissom.passes.pipeline import parse_pipeline, steps_of


class Color(Enum):
    red = 1
    green = 2


@pytest.fixture(autouse=True)
def passes(monkeypatch) -> Iterator[None]:
    monkeypatch.setattr(declared, "PASSES", declared.PASSES)
    before = dict(declared.PASSES)

    @graph_pass(Kind.decide)
    def thin(
        graph: Graph,
        *,
        unit: Literal["channels", "heads"] = "channels",
        amount: float,
        rounds: int = 1,
        keep: tuple[str, ...] = (),
        color: Color = Color.red,
        exact: bool = False,
        limit: int | None = None,
    ) -> None:
        """Take away some of it.

        unit: what is taken away.
        amount: the share that is taken away,
            from 0 to 1.
        rounds: in how many steps.
        keep: names of what stays.
        color: of the paint.
        exact: to the last one.
        limit: at most so many.
        """

    @graph_pass(Kind.exact)
    def tidy(graph: Graph) -> None:
        """Clean up."""

    @macro_pass
    def thin_and_tidy(*, amount: float = 0.25) -> Iterable[Step]:
        """Thin, then tidy.

        amount: see thin.
        """
        return [thin.step(amount=amount), tidy.step()]

    yield
    declared.PASSES.clear()
    declared.PASSES.update(before)


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("", []),
        ("tidy", ["tidy"]),
        ("tidy,", ["tidy"]),
        ("tidy(), tidy", ["tidy", "tidy"]),
        ("thin(channels, 0.5)", ["thin(amount=0.5)"]),
        ("thin(heads, 1)", ["thin(heads, 1.0)"]),
        ("thin('heads', amount=0.5, keep=[a, 'b c'])", ["thin(heads, 0.5, keep=[a, 'b c'])"]),
        ("thin(amount=1e-3, exact=true, color=green)", ["thin(amount=0.001, color=green, exact=true)"]),
        ("thin(amount=-1, limit=none, exact=False)", ["thin(amount=-1.0)"]),
        ("tidy,  # first\n  thin(amount=1,\n limit=3)", ["tidy", "thin(amount=1.0, limit=3)"]),
    ],
)
def test_meaning(text, meaning):
    steps = parse_pipeline(text)
    assert [str(s) for s in steps] == meaning
    assert [str(s) for s in parse_pipeline(", ".join(meaning))] == meaning


def test_macros_expand_to_their_steps():
    (step,) = parse_pipeline("thin_and_tidy(0.5)")
    assert [str(s) for s in step.expand()] == ["thin(amount=0.5)", "tidy"]


def test_passes_and_steps_are_pipelines_too():
    thin, tidy = declared.PASSES["thin"], declared.PASSES["tidy"]
    assert [str(s) for s in steps_of([tidy, thin.step(amount=1.0), "tidy, tidy"])] == [
        "tidy",
        "thin(amount=1.0)",
        "tidy",
        "tidy",
    ]


GOLDEN = {
    "tidy, thinn(0.5)": """
no pass is called 'thinn'; did you mean 'thin'?; there are: {known}
  tidy, thinn(0.5)
        ^""",
    "thin(layers, 0.5)": """
option 'unit' is channels | heads, got layers
  thin(layers, 0.5)
       ^""",
    "thin(chanels, 0.5)": """
option 'unit' is channels | heads, got chanels; did you mean 'channels'?
  thin(chanels, 0.5)
       ^""",
    "thin(amount=half)": """
option 'amount' is float, got half
  thin(amount=half)
              ^""",
    "thin(amount=1, rounds=2.5)": """
option 'rounds' is int, got 2.5
  thin(amount=1, rounds=2.5)
                        ^""",
    "thin(amount=1, round=2)": """
pass 'thin' has no option 'round'; did you mean 'rounds'?; it is {thin}
  thin(amount=1, round=2)
                 ^""",
    "thin(heads)": """
pass 'thin' needs option 'amount' (the share that is taken away, from 0 to 1.); it is {thin}
  thin(heads)
  ^""",
    "tidy(1)": """
pass 'tidy' takes 0 options; it is tidy()
  tidy(1)
       ^""",
    "thin(heads, unit=heads, amount=1)": """
option 'unit' is given twice
  thin(heads, unit=heads, amount=1)
              ^""",
    "tidy, 3": """
expected a pass, such as fold or quantize(int8)
  tidy, 3
        ^""",
    "thin(amount=f(1))": """
expected a number, a word, a text in quotes or a list of them
  thin(amount=f(1))
              ^""",
    "thin(amount=1,": """
not a pipeline: '(' was never closed
  thin(amount=1,
                ^""",
    "tidy) tidy": """
not a pipeline: nothing that ')' could close was opened
  tidy) tidy
      ^""",
    "tidy,\n  thin(amount=many)": """
option 'amount' is float, got many
    thin(amount=many)
                ^""",
    "été(1)": """
no pass is called 'été'; there are: {known}
  été(1)
  ^""",
}


@pytest.mark.parametrize("text", GOLDEN)
def test_messages(text):
    with pytest.raises(ParseError) as raised:
        parse_pipeline(text)
    expected = GOLDEN[text].strip().format(known=", ".join(sorted(declared.PASSES)), thin=declared.PASSES["thin"])
    assert str(raised.value) == expected


def test_a_declaration_needs_types_and_docs():
    with pytest.raises(Error, match="no docstring"):

        @graph_pass(Kind.exact)
        def silent(graph: Graph) -> None: ...

    with pytest.raises(Error, match="option 'k' of pass 'unclear' has no line 'k: what it does'"):

        @graph_pass(Kind.exact)
        def unclear(graph: Graph, *, k: int = 1) -> None:
            """Do something."""

    with pytest.raises(Error, match="option 'k' of pass 'untyped' has no type"):

        @graph_pass(Kind.exact)
        def untyped(graph: Graph, *, k=1) -> None:
            """Do something.

            k: a number.
            """


@dataclass(frozen=True, kw_only=True)
class Brush(Options):
    """What to paint with.

    width: of the brush.
    stiff: whether it is.
    """

    width: int = 3
    stiff: bool = False

    def __post_init__(self) -> None:
        if self.width < 1:
            raise Error(f"width is at least 1, got {self.width}")


def test_options_that_passes_share():
    brushes = []

    @graph_pass(Kind.decide)
    def paint(graph: Graph, *, color: Color = Color.red, brush: Brush, coats: int = 1) -> None:
        """Paint it.

        color: of the paint.
        coats: how many.
        """
        brushes.append((color, brush, coats))

    assert str(paint) == "paint(color: red | green = red, width: int = 3, stiff: bool = false, coats: int = 1)"
    assert paint.option("stiff").doc == "whether it is."
    (step,) = parse_pipeline("paint(green, 5, coats=2)")
    assert str(step) == "paint(green, 5, coats=2)"
    step.run(Graph(), Context())
    paint(Graph(), stiff=True)
    assert brushes == [(Color.green, Brush(width=5), 2), (Color.red, Brush(stiff=True), 1)]
    with pytest.raises(ParseError, match="width is at least 1, got 0"):
        parse_pipeline("paint(width=0)")


def test_two_passes_of_one_name_are_refused():
    with pytest.raises(Error, match="two passes are called 'tidy'"):

        @graph_pass(Kind.exact)
        def tidy(graph: Graph) -> None:
            """Another."""


def test_one_declaration_documents_itself():
    thin = declared.PASSES["thin"]
    assert thin.summary == "Take away some of it."
    assert [(o.name, str(o), o.doc) for o in thin.options][:2] == [
        ("unit", "unit: channels | heads = channels", "what is taken away."),
        ("amount", "amount: float", "the share that is taken away, from 0 to 1."),
    ]
