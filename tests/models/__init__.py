"""The large models on tiny random checkpoints with their real architectures; requires requirements-gpu.txt."""
