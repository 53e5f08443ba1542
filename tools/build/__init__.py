"""The package, and the report of Splunk's AppInspect on it."""
