"""What touches the host: set-up, systemd, updates, manual pages."""
