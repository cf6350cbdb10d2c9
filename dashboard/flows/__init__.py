"""The views of the page of flows, one file each: every one shows itself in `show`."""
