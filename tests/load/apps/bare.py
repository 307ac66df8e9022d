"""The least that a page with a figure and a slider can be: what ours is measured against."""

import plotly.graph_objects as go
import streamlit as st

st.set_page_config(layout="wide")
st.title("Bare")
K = st.slider("K", 1, 9, 2)
figure = go.Figure(go.Scatter(x=[0, 1, 10, 11, 12], y=[0, K, 0, K, 0]))
st.plotly_chart(figure.update_layout(title=f"K = {K}"))
