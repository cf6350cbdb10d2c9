"""Models that are fitted in a blink: numpy and scipy, step by step, nothing hidden.

They are what the first chapters teach: histogram, kernel density, mixture of Gaussians. Each says
`log_prob(x)` in nats, [n] from [n, d], and `sample(n, seed)`, [n, d], in data units.
"""
