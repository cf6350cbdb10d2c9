"""The diffusion page, one file for each way to look at it beside its film."""
