"""What is measured of the whole platform each minute: declared once, collected, thinned, shown."""
