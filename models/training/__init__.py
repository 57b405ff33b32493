"""What a network is taught with: pieces of images, and how batches are drawn from them."""
