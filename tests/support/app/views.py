"""Views as their definitions have them."""


def strings(node):
    """Yield each text of a definition."""
    if isinstance(node, str):
        yield node
    elif isinstance(node, (dict, list)):
        for one in node.values() if isinstance(node, dict) else node:
            yield from strings(one)
