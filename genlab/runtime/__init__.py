"""Run a graph: sessions, cut graphs, jobs, devices, inputs, noise, smoke runs, the check."""
