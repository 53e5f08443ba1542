"""Syntax tree -> plan: the program as closures over a record."""
