"""Figures against peers: `python -m benchmarks`. Every figure is a ratio measured in one run."""
