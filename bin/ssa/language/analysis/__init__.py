"""What is known of a program before any event: pipelines, required texts, types, and warnings."""
