"""What the pages show, as plain functions from models to scenes and charts; no streamlit here."""
