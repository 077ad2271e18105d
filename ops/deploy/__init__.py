"""What the services are installed with: image, Compose, systemd, monitoring; and the list of what the image holds."""
