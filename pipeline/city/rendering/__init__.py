"""From the city to a picture: scene, lighting, sky, rasterizer, tone mapping.

renderer.py draws one image; render_pool.py many, side by side.
"""
