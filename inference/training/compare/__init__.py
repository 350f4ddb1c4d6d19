"""Two bundles on the same radiographs: how far apart they are, and where they disagree.

``paired`` has the statistics, ``document`` puts them into ``compare.json``, and ``page`` shows the
same.
"""
