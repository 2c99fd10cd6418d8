"""Fault injection: an RTSP server for a clip, and a proxy that injects faults between a camera and its reader."""
