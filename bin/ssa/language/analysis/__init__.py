"""What a program says before any event: its pipelines, what a row must hold, types, and what looks wrong."""
