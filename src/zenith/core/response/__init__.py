"""How intensities of events respond to parameters, and the summary that keeps what that says."""
