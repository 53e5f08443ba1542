"""What a Python file imports, read from its syntax tree."""

import ast


def imports(path, package=""):
    """Yield the full name of each import of a file, wherever it stands: `ssa.content.conf`, `ssa.content.conf.load`.

    `package` is the package that the file is in, where it has relative imports.
    """
    parents = package.split(".")
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = parents[: len(parents) - node.level + 1] if node.level else []
            module = ".".join([*above, node.module] if node.module else above)
            yield from (f"{module}.{alias.name}" for alias in node.names)
