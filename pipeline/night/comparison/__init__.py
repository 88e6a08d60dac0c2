"""Translators side by side: PSNR, SSIM and other image metrics, a contact sheet, sample images.

compare.py is the stage's function.
"""
