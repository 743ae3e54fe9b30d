"""The datasets PyB3 knows, each a template and at most one small class."""
