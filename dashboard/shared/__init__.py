"""What the pages of several chapters share."""
