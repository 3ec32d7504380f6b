"""What people install: the chart, the image, the compose file."""
