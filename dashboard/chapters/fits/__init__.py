"""Models that are fitted while one looks on: histograms, kernel densities, mixtures."""
