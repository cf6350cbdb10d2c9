"""Diffusion of images."""
