"""What the views of autoregressive models draw: plain functions of models and arrays."""
