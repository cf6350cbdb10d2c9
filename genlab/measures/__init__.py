"""What is said of samples and densities: distances, modes, normality, bits, mass on a grid."""
