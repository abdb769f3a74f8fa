"""Substitution: a layer becomes a cheaper block with the same interface, an activation a cheaper function."""
