"""What keeps a deployment running: the function that ends stuck uploads, and the alarms."""
