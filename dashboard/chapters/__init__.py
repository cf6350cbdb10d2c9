"""The chapters of the lab: a folder each, its page, its views and their scenes."""
