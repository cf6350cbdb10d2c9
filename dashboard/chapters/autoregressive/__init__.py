"""Autoregressive models: the chain rule, one value after another."""
