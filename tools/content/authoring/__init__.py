"""A detection of one's own: written from a template, checked, tried with events."""
