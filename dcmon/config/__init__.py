"""What the user writes: schema, loader with file and line in every error, numbered start-up checks."""
