"""How fast the search command is: beside the same rule written by hand for the plain SDK, and beside the bounds."""
