"""Benchmarks. Each module has ``run(quick)``, which measures both sides of each ratio in turns and returns figures."""
