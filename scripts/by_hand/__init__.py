"""What ``scripts/rules`` plays: every rule at the command line, each scene a function that types commands."""
