"""Forms check shape only; the rules live in the services."""
