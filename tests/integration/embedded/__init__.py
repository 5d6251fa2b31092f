"""The embedded chain with the real engine."""
