"""python -m benchmarks: the compiled twins beside NumPy, torch and JAX, and the project's targets beside what is reached."""
