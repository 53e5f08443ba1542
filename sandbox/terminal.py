"""Text of others, for a terminal."""

_CONTROLS = {
    **{code: 0x2400 + code for code in range(0x20)},
    0x7F: 0x2421,
    **dict.fromkeys((*range(0x80, 0xA0), 0x2028, 0x2029), 0xFFFD),
    **dict.fromkeys((0x61C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)), 0xFFFD),
    **dict.fromkeys(range(0xD800, 0xE000), 0xFFFD),
}
"""What steers a terminal, ends a line or turns it around, and halves of characters, which cannot be written."""


def plain(text: str) -> str:
    """Show control characters as symbols: neither an event nor a server must steer the reader's terminal."""
    return text.translate(_CONTROLS)
