"""Small networks trained on Fashion-MNIST, the script that trained them, and two labelled samples of the data."""
