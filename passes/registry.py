"""Finds passes by name: those of lissom, one folder a family, and those of other packages.

A package offers passes through the entry-point group ``lissom.passes``; the entry point's name is the pass's name and
its object is what :func:`~lissom.passes.graph_pass.graph_pass` returned. It is loaded when its name is first asked for.
"""

from __future__ import annotations

import importlib
import pkgutil
from importlib.metadata import EntryPoint, entry_points

import lissom.passes
from lissom.ir.errors import Error
from lissom.passes.graph_pass import PASSES, Pass
from lissom.passes.options import closest

GROUP = "lissom.passes"


def find_pass(name: str) -> Pass:
    """The pass called ``name``; raises Error, naming what is close, where there is none or its package is broken."""
    _load_own()
    if name in PASSES:
        return PASSES[name]
    plugins = {e.name: e for e in entry_points(group=GROUP)}
    if name in plugins:
        return _load(plugins[name])
    known = sorted({*PASSES, *plugins})
    raise Error(f"no pass is called {name!r}{closest(name, known)}; there are: {', '.join(known)}")


def all_passes() -> tuple[dict[str, Pass], dict[str, str]]:
    """Every pass by name, and for each that cannot be loaded the reason."""
    _load_own()
    broken: dict[str, str] = {}
    for entry in entry_points(group=GROUP):
        try:
            _load(entry)
        except Error as e:
            broken[entry.name] = str(e)
    return dict(sorted(PASSES.items())), broken


def _load_own() -> None:
    for module in pkgutil.iter_modules(lissom.passes.__path__):
        if module.ispkg:
            importlib.import_module(f"lissom.passes.{module.name}")


def _load(entry: EntryPoint) -> Pass:
    source = f"pass {entry.name!r}, offered by package {entry.dist.name if entry.dist else '?'} as {entry.value}"
    try:
        found = entry.load()
    except Exception as e:
        # Anything may go wrong in foreign code; it must not take the other passes down.
        raise Error(f"{source}, cannot be loaded: {type(e).__name__}: {e}") from e
    if not isinstance(found, Pass):
        raise Error(f"{source}, is no pass: declare it with lissom.passes.graph_pass")
    if found.name != entry.name:
        raise Error(f"{source}, calls itself {found.name!r}; the two names must be the same")
    return found
