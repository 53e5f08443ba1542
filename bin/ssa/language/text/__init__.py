"""The text of the dialect -> syntax tree, and back."""
