"""Results as files: tables, NetCDF, scripts, notebooks, reports."""
