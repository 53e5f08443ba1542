"""The package, and what Splunk's AppInspect says of it."""
