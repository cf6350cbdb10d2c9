"""Scenes of the diffusion views."""
