"""Making exported models: data, families, the loop, export and evaluation."""
