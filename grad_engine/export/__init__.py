"""From a graph in memory to a record: `from_tensor` for graphs of this engine, `from_torch` for those of PyTorch."""
