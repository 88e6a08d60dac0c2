"""What every room of the pipeline needs: errors, files, pictures, machine settings, progress. No torch."""
