"""The agent: how the OpenClaw gateway is woken."""
