"""Payload profiles: how the bytes of one message become numbers."""
