"""From the city to an image: scene, lighting, sky, rasterizer, tone mapping.

renderer.py renders one image; render_pool.py many in parallel.
"""
