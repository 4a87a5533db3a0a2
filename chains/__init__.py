"""What a chain says and accepts: values, ports, and one folder per world."""
