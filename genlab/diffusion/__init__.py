"""Diffusion: schedules, denoisers, samplers, likelihoods, exact posteriors."""
