"""grad_engine: a NumPy autograd engine that can show its work."""
