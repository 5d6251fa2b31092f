"""Tests of what the demonstration finds out about its processes."""
