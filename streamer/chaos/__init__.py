"""A camera that misbehaves on purpose: an RTSP server for a clip, and a proxy that injects faults before any camera."""
