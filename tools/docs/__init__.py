"""Pages that are written from the code and the confs."""
