"""What the REST API and the event collector serve, a module for each part."""
