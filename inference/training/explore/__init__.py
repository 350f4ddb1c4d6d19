"""What a folder of labelled radiographs looks like before anything is learned from it.

``table`` measures every file once, ``counts``, ``spread``, ``shortcuts``, ``duplicates`` and
``questions`` say what of it, as plain numbers that ``document`` puts into ``explore.json``;
``page`` shows the same numbers, with ``plots`` and ``pictures``, as one page of HTML.
"""
