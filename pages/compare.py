"""Goes on to the app: Streamlit answers the first request after a start by this file alone.

Until `st.navigation` has run once, a deep link is looked up among the files of this folder. The
page itself stands in `views`, behind the app's gate and inside its frame.
"""

from app import main

# The workers of a local cluster are spawned and may run this file again as "__mp_main__".
if __name__ == "__main__":
    main()
