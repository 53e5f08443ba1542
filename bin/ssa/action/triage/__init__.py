"""The alert action `ssa_alert`: results of an alert -> rows of the lookup ssa_alerts, which wait for an analyst."""
