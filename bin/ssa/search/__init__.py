"""The search commands: rows in, detected rows out (ssadetect), and detections explained (ssaexplain)."""
