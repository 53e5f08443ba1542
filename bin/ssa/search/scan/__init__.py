"""A chunk in bytes -> the rows that may match, and the text of what was found in them."""
