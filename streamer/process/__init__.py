"""What concerns the whole process: first imports, memory."""
