"""Translators side by side: PSNR, SSIM and other image metrics, a contact sheet, sample pictures.

compare.py is the stage's function.
"""
