"""SPL: from a text to rows, and custom commands as processes."""
