"""GANs, on the plane and on images."""
