"""Compares translators: PSNR, SSIM and other image metrics, a contact sheet, sample images.

compare.py has the stage's function.
"""
