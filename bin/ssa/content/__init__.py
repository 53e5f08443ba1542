"""Detections as data: conf files in their layers -> Detection, and the fields that one reads and names."""
