"""Sources of frames: files and live addresses through PyAV, pictures through OpenCV."""
