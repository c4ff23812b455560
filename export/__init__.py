"""Trained generators for others to run: SavedModel for servers, TFLite for phones and browsers."""
