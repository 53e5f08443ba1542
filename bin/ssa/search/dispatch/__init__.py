"""Which of many detections a row can match, found without running any."""
