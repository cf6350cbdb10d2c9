"""Charts and shading that several chapters share."""
