"""Parts of the page that compares all models of one data set."""
