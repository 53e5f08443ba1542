"""The canonical text of a whole program, one command a line: the library prints commands and expressions alone."""

from ssa.language.text.printer import print_command


def print_program(program):
    """Return the canonical text of a program, as `parse` makes it."""
    return ";\n".join(map(_statement, program.statements)) + ";"


def _statement(statement):
    binding = f"${statement.binding} = " if statement.binding is not None else ""
    return binding + "\n".join("| " + print_command(command) for command in statement.commands)
