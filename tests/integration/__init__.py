"""Whole commands and whole stories: processes, sockets, real files."""
