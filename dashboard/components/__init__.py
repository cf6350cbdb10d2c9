"""What the pages draw on: the stage (pictures over a timeline) and the gallery of models."""
