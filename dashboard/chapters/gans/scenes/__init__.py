"""Scenes of the GANs' views."""
