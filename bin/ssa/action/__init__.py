"""The alert action ssa_risk: results of a search -> risk events, and everything on their way to the index."""
