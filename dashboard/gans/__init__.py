"""The views of the page of GANs, one file each: every one shows itself in `show`."""
