"""The steps, one file each, named by what they bring."""
