"""What bench/drill.py is made of."""
