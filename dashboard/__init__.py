"""Look at exported models: pages, figures, components."""
