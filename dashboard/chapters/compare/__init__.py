"""All models of one data set side by side."""
