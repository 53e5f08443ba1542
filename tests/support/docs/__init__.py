"""README and docs/ as a reader has them: what can be typed there, and who types it."""
