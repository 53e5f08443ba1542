"""The alert actions: ssa_risk makes risk events of results and writes them, ssa_alert keeps alerts for triage."""
