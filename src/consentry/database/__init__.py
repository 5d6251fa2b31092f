"""Engines, transactions and migrations, the same for every room that keeps tables.

For: one way to open SQLite or PostgreSQL, and no driver error that leaves it.
May import: errors
Used by: wiring, vault, directory
"""
