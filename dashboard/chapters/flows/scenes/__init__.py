"""Scenes of the flows' views."""
