"""From trained weights to a published folder."""
