"""Running exported models: sessions, seeded noise, schedules, samplers and densities."""
