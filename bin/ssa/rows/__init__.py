"""Splunk row -> SSA input event, and a hit -> the columns of a row."""
