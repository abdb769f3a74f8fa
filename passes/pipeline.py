"""Pipeline text, ``"fold, prune(channels, 0.5), quantize(int8)"``, to steps.

The text is a Python expression. A bare name is a pass, or as an argument a word; arguments without a name go to the
options in the order the pass declares them. An argument may be a call, ``until(macs=0.5)``, or a table of names,
``{'layer1.*': 0.25}``, and words that Python reserves, such as ``global``, are words like others.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from keyword import kwlist
from typing import Any, NoReturn, TypeAlias

from lissom.ir.errors import Error, ParseError
from lissom.passes.graph_pass import Pass, Step
from lissom.passes.options import Call
from lissom.passes.registry import find_pass

Pipeline: TypeAlias = str | Pass | Step | Iterable["str | Pass | Step"]
"""What :func:`lissom.run` takes."""


RESERVED = {w.capitalize(): w for w in kwlist if w.islower()}
"""Words that Python keeps for itself, by the names that stand for them while it parses."""


def steps_of(pipeline: Pipeline) -> list[Step]:
    """The steps a pipeline consists of, macros not yet expanded."""
    if isinstance(pipeline, str):
        return parse_pipeline(pipeline)
    if isinstance(pipeline, Pass):
        return [pipeline.step()]
    if isinstance(pipeline, Step):
        return [pipeline]
    return [step for part in pipeline for step in steps_of(part)]


def parse_pipeline(text: str) -> list[Step]:
    """Read pipeline text. Raises ParseError that shows the text with ``^`` under the place at fault."""
    return _Parser(text).parse()


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text

    def parse(self) -> list[Step]:
        if not self.text.strip():
            return []
        try:
            # In brackets the text may go over several lines and end in a comma; its first line begins at column 1.
            tree = ast.parse(f"[{_shielded(self.text)}\n]", mode="eval").body
        except SyntaxError as e:
            self.fail(f"not a pipeline: {_in_user_terms(e.msg)}", e.lineno or 1, (e.offset or 1) - 1)
        if not isinstance(tree, ast.List):
            self.fail("not a pipeline: a closing bracket too many", 1, 1)
        return [self.step(entry) for entry in tree.elts]

    def step(self, node: ast.expr) -> Step:
        match node:
            case ast.Name(name):
                arguments: list[ast.expr] = []
                keywords: list[ast.keyword] = []
            case ast.Call(ast.Name(name), arguments, keywords):
                pass
            case _:
                self.fail_at(node, "expected a pass, such as fold or quantize(int8)")
        found = self.at(node, find_pass, name)
        values: dict[str, Any] = {}
        for i, argument in enumerate(arguments):
            if i >= len(found.options):
                self.fail_at(argument, f"pass {name!r} takes {len(found.options)} options; it is {found}")
            option = found.options[i]
            values[option.name] = self.at(argument, option.accept, self.value(argument))
        for keyword in keywords:
            if keyword.arg is None:
                self.fail_at(keyword.value, "** has no meaning here")
            if keyword.arg in values:
                self.fail_at(keyword, f"option {keyword.arg!r} is given twice")
            option = self.at(keyword, found.option, keyword.arg)
            values[option.name] = self.at(keyword.value, option.accept, self.value(keyword.value))
        step: Step = self.at(node, lambda: found.step(**values))
        return step

    def value(self, node: ast.expr) -> Any:
        match node:
            case ast.Constant(value) if isinstance(value, bool | int | float | str) or value is None:
                return value
            case ast.Name(word):
                return RESERVED.get(word, word)
            case ast.Call(ast.Name(name), [], keywords) if all(k.arg for k in keywords):
                return Call(name, {str(k.arg): self.value(k.value) for k in keywords})
            case ast.Dict(keys, values) if None not in keys:
                return {str(self.value(k)): self.value(v) for k, v in zip(keys, values, strict=True) if k is not None}
            case ast.UnaryOp(ast.USub(), ast.Constant(int() | float() as number)):
                return -number
            case ast.List(elements) | ast.Tuple(elements):
                return tuple(map(self.value, elements))
        self.fail_at(node, "expected a number, a word, a text in quotes or a list of them")

    def at(self, node: ast.expr | ast.keyword, function: Any, *args: Any) -> Any:
        """The result of ``function``, its error shown at ``node``."""
        try:
            return function(*args)
        except ParseError:
            raise
        except Error as e:
            self.fail_at(node, str(e))

    def fail_at(self, node: ast.expr | ast.keyword, message: str) -> NoReturn:
        line = f"[{self.text}".splitlines()[node.lineno - 1]
        self.fail(message, node.lineno, len(line.encode()[: node.col_offset].decode()))

    def fail(self, message: str, line: int, column: int) -> NoReturn:
        lines = self.text.splitlines()
        if line > len(lines):  # at the bracket that was put behind the text
            line, column = len(lines), len(lines[-1]) + 1
        shown = lines[line - 1]
        place = min(max(0, column - 1 if line == 1 else column), len(shown))
        raise ParseError(f"{message}\n  {shown}\n  {' ' * place}^")


def _shielded(text: str) -> str:
    """The text with reserved words spelled otherwise, at equal length; what stands in quotes stays."""
    words = "|".join(RESERVED.values())
    found = re.compile(rf"""'[^'\n]*'|"[^"\n]*"|(?<![\w.])(?:{words})(?!\w|\s*=[^=])""")
    return found.sub(lambda m: m[0] if m[0][0] in "'\"" else m[0].capitalize(), text)


def _in_user_terms(message: str) -> str:
    """The message of a syntax error without the bracket that was put around the text."""
    if "does not match opening parenthesis '['" in message:
        return f"nothing that {message.split()[2]} could close was opened"
    if "parenthesis ']' does not match" in message:
        return f"{message.split()[-1] if 'on line' not in message else message.split()[-4]} was never closed"
    return message
