"""How fast it is: benchmarks that measure side by side."""
