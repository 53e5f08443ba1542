"""A stand-in for splunkd: it runs the packaged app as Splunk would, over real events. For development and the demo."""
