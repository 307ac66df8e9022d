"""What stands beside the app: start and end, metrics, health, memory."""
