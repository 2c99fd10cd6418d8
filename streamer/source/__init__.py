"""Where frames come from: files and live addresses through PyAV, pictures through OpenCV."""
