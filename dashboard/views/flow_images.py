"""Flows on images."""
