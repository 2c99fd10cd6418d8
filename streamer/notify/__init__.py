"""Sends rows to other programs (webhooks, MQTT, Apprise), each target through a durable queue of its own."""
