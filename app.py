"""Mixture Explorer: page config, sign-in gate, navigation. Nothing else."""

import streamlit as st


def main() -> None:
    """Draw the page that the address names, inside the common frame."""
    # Here, since components are declared to a server that runs.
    from pages.parts import away, frame

    st.set_page_config(page_title="Mixture Explorer", page_icon=frame.ICON, layout="wide")
    frame.gate()
    with away.told():
        _page()


def _page() -> None:
    from pages.parts import frame, pages

    frame.check()
    home = st.Page(frame.home, title="Home", default=True, visibility="hidden")
    listed = [st.Page(page.script, title=page.title, url_path=page.name) for page in pages.PAGES]
    current = st.navigation([home, *listed])
    st.set_page_config(page_title=f"{current.title} · Mixture Explorer")
    frame.begin(current.url_path)
    current.run()


# Streamlit runs this file for each page view, and imports it once as the server starts. The workers
# of a local cluster are spawned and run it again as "__mp_main__".
if __name__ == "__main__":
    main()
elif __name__ == "app":
    from pages.parts.platform import deep_links, routes, streamlit_internals

    deep_links.enable()
    streamlit_internals.keep_unsent()
    app = st.App(
        __file__,
        lifespan=routes.lifespan,
        routes=routes.ROUTES,
        middleware=routes.MIDDLEWARE,
    )
