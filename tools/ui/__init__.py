"""A stand-in for Splunk Web, to see the app's views without Splunk: `make ui`."""
