"""What the pages on images share, and the pieces of each."""
