"""Image data sets and the batches made from them."""
