"""The shapes in which events come on disk, and one view of them in memory."""
