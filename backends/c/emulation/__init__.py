"""Artifacts for machines that are not at hand, run under emulators."""
