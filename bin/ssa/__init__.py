"""SSA Detections: runs Splunk Behavioral Analytics detections on classic Splunk, and turns hits into risk."""
