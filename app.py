"""Mixture Explorer: page config, sign-in gate, navigation. Nothing else."""

import streamlit as st


def main() -> None:
    """Draw the page that the address names, inside the common frame."""
    # Here, since components are declared to a server that runs.
    from pages.parts import frame

    st.set_page_config(page_title="Mixture Explorer", page_icon=frame.ICON, layout="wide")
    frame.gate()
    frame.check()
    pages = [
        st.Page(frame.home, title="Home", default=True, visibility="hidden"),
        st.Page("pages/views/fit.py", title="Fit", url_path="fit"),
        st.Page("pages/views/data.py", title="Data", url_path="data"),
        st.Page("pages/views/membership.py", title="Membership", url_path="membership"),
        st.Page("pages/views/posterior.py", title="Posterior", url_path="posterior"),
        st.Page("pages/views/compare.py", title="Compare", url_path="compare"),
        st.Page("pages/views/runs.py", title="Runs", url_path="runs"),
        st.Page("pages/views/tour.py", title="Tour", url_path="tour"),
    ]
    current = st.navigation(pages)
    frame.begin(current.url_path)
    current.run()


# Streamlit runs this file for each page view, and imports it once as the server starts. The workers
# of a local cluster are spawned and run it again as "__mp_main__".
if __name__ == "__main__":
    main()
elif __name__ == "app":
    from pages.parts import serving

    app = st.App(
        __file__,
        lifespan=serving.lifespan,
        routes=serving.ROUTES,
        middleware=serving.MIDDLEWARE,
    )
