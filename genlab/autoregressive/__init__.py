"""Autoregressive models: the order of their values, and the loop that draws one after another."""
