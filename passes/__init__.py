"""Rewrite rules, the pass manager and the passes, one folder a family. See ``docs/add-a-pass.md``."""
