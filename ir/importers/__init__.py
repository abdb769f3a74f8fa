"""Readers of other formats, each a folder that ends in a function returning a :class:`~lissom.ir.graph.Graph`."""
