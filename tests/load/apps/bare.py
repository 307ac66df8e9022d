"""The least that a page with a figure can be: what the first screen is measured against."""

import plotly.graph_objects as go
import streamlit as st

st.set_page_config(layout="wide")
st.title("Bare")
st.plotly_chart(go.Figure(go.Scatter(x=[0, 1, 10, 11, 12], y=[0, 1, 0, 1, 0])))
