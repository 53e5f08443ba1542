"""Detections as files: imported, exported, explained, and the confs that follow from them."""
