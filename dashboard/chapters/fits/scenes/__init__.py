"""What the views of the chapter draw: plain functions, no streamlit."""
