"""What names a patient, or opens a door, stays where it belongs."""
