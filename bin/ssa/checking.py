"""Tells a type checker from Python. Every search waits while modules load, and typing takes a tenth of that time."""

TYPE_CHECKING = False
"""A type checker takes what has this name for true, so that it sees imports that Python passes over."""
