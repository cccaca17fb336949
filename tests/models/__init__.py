"""The large models on tiny random checkpoints of their true architectures; they take requirements-gpu.txt."""
