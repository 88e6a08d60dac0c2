"""From the city to an image: scene, lighting, sky, rasterizer, tone mapping.

renderer.py draws one image; render_pool.py many, side by side.
"""
