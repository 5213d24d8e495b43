"""What is learnt from events: networks, and the climb of the expected significance."""
