"""Place recognition: descriptors of pictures, learnt from examples, searched, judged by recall."""
