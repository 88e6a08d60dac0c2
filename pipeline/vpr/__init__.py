"""Place recognition: descriptors of pictures, learnt from triplets, searched exactly, judged by recall."""
