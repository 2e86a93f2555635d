"""System checks of the platform's own configuration."""
