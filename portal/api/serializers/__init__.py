"""What everyone reads. Empty columns are null: "" never has to be known to mean none."""
