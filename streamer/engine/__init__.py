"""The networks at run time, on OpenVINO."""
