"""Transform: bytes into typed frames. Knows no dataset by name."""
