"""Diffusion, on the plane and on images."""
