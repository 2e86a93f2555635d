"""What bench/exchange.py is made of."""
