"""Behaviour of the contracts, and of what is made from them."""
