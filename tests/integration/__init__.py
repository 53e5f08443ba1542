"""The app on a Splunk server, over splunk-sdk's client alone: the sandbox, or a real one that SPLUNK_URL names."""
