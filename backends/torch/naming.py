"""Dotted names in a tree of modules that PyTorch accepts and that nothing else there has."""

from __future__ import annotations

import keyword
import re

import torch


class Tree:
    """A root module and the places in it that are taken."""

    def __init__(self) -> None:
        self.root = torch.nn.Module()
        self._leaves: set[str] = set()

    def place(self, name: str) -> tuple[torch.nn.Module, str, str]:
        """The module, the attribute and the whole path for a leaf called ``name``; containers on the way are made."""
        parts = [_plain(p) for p in name.split(".")]
        holder, path = self.root, ""
        for part in parts[:-1]:
            path = f"{path}.{part}" if path else part
            while not _is_free(holder, part) and (path in self._leaves or part not in holder._modules):
                part, path = part + "_", path + "_"
            if part not in holder._modules:
                holder.add_module(part, torch.nn.Module())
            holder = holder.get_submodule(part)
        last = parts[-1]
        while not _is_free(holder, last):
            last += "_"
        path = f"{path}.{last}" if path else last
        self._leaves.add(path)
        return holder, last, path

    def container(self, wanted: str) -> str:
        """A free name for a module at the root."""
        while not _is_free(self.root, wanted):
            wanted += "_"
        self.root.add_module(wanted, torch.nn.Module())
        return wanted


def _is_free(holder: torch.nn.Module, name: str) -> bool:
    return not hasattr(holder, name) and not hasattr(torch.fx.GraphModule, name)


def _plain(part: str) -> str:
    """Letters, digits and underscores; numbers stay, as they name the members of a Sequential."""
    cleaned = re.sub(r"\W", "_", part, flags=re.ASCII) or "_"
    return cleaned + "_" if keyword.iskeyword(cleaned) else cleaned


def identifier(name: str) -> str:
    """``name`` as a Python identifier."""
    cleaned = _plain(name)
    return f"_{cleaned}" if cleaned[0].isdigit() else cleaned
