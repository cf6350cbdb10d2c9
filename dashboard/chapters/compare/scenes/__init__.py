"""Scenes of the comparison."""
