"""The embedded city: a small seeded city with real geometry, rendered by day, at sunset and by night.

Planned in layout, built in geometry and appearance, drawn in rendering, written as raw data in export.
"""
