"""What the bot says and asks. One module a dialogue or a command; ``registry`` names them all."""
