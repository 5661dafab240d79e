"""The installed program, killed again and again while mail arrives: nothing is lost, nothing is doubled."""
