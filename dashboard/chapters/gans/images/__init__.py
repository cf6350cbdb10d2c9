"""GANs of images."""
