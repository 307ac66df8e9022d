"""What the Fit page is made of, one module for each of its parts."""
