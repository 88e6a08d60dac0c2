"""One thin click command per stage of the pipeline, and the `duskline` group."""
