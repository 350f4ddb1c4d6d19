"""Training: from a folder of labelled radiographs to a bundle. ``python -m inference.training``."""
