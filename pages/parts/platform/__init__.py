"""All that Streamlit does not promise, each thing in one place."""
