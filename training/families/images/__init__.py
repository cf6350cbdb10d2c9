"""Families whose events are images."""
