"""The machine that runs the entries; it knows nothing of neural networks."""
