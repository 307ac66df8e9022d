"""Results drawn as Plotly figures: one module per subject, one style for all."""
