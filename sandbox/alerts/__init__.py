"""Scheduled searches, and the alerts and alert actions that follow from their results."""
