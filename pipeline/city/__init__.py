"""The embedded city: a small seeded city with real geometry, drawn by day, at sunset and by night."""
