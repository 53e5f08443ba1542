"""The packaged app over event files, without Splunk: the only room of the sandbox that knows the app."""
