"""`python -m gmm_core` is the command line."""

from gmm_core.command.line import main

if __name__ == "__main__":
    main()
