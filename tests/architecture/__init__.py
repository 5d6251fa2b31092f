"""The shape of the tree itself: what no type checker sees."""
