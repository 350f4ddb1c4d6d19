"""The parts of a model card: `inference.training.card` puts them together.

Each takes the contents of a bundle's ``report.json`` and returns Markdown. What is missing in the
report is said to be not measured; nothing is computed anew that was measured.
"""
