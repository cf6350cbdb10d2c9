"""Flows, on the plane and on images."""
