"""Least squares on data for ops with weights: what many passes solve, in closed form and without labels."""
