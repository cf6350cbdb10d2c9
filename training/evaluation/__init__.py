"""Figures of exported models, measured on their graphs."""
