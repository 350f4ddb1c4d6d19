"""What a bundle is worth: one split, one folder, every figure in ``report.json`` as well.

The files go the way of the product: through the airlock, the gates and the engine. What the gates
keep out is counted by its reason, and the figures are given with the gates and without them.
"""
