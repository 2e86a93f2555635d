"""What tests of every app use: real servers, processes of every context, a catalogue reader."""
