"""What comes in: files of Windows events, and raw data as splunkd parses it."""
